// What a worker process is told on its command line, and what is written down about it: JSON, no secret in it.
import type { ProxyProtocolMode } from '@tako/proxy';
import type { ListenerKind } from '../listeners/listening-sockets.ts';
import type { LogLevel } from '../log.ts';

export interface InheritedListener {
  readonly kind: ListenerKind;
  readonly address: string;
  readonly port: number;
  readonly fd: number;
  /** From the service manager, whose address and port are its own: never closed, never bound anew by us. */
  readonly activated?: boolean;
}

export interface WorkerArguments {
  readonly runDir: string;
  readonly generation: number;
  /** fds inherited through `stdio`, from 4 up (3 is the start pipe). */
  readonly listeners: readonly InheritedListener[];
  readonly plane: {
    readonly maxConnections: number;
    readonly trustedProxies: readonly string[];
    readonly proxyProtocol: ProxyProtocolMode;
    readonly accessLog: string;
    readonly workers: number;
    readonly lanes: 'all' | 'general';
    readonly h2c: boolean;
  };
  /** How long requests in flight get at a stop. */
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

/** `worker-{pid}.json`: how a later daemon recognises the worker and knows where it listens. */
export interface WorkerIdentityFile {
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly bootId: string;
  readonly generation: number;
  readonly listeners: readonly Omit<InheritedListener, 'fd'>[];
}

/** Start the next worker with your own listening sockets: a restarted control process has none to give. */
export interface SiblingRequest {
  readonly type: 'spawnSibling';
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly script: string;
  readonly arguments: Omit<WorkerArguments, 'listeners'>;
}

export type SiblingReply =
  | { readonly type: 'siblingStarted'; readonly pid: number }
  | { readonly type: 'siblingFailed'; readonly reason: string };

/** stdio position of the pipe on which a worker says once that its socket listens. */
export const startPipeFd = 3;
export const firstListenerFd = 4;

export function workerSocketPath(runDir: string, pid: number): string {
  return `${runDir}/worker-${pid}.sock`;
}

export function workerIdentityPath(runDir: string, pid: number): string {
  return `${runDir}/worker-${pid}.json`;
}
