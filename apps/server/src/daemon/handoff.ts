// The predecessor's side of a handoff: starts the successor, lets go at the right moment, and takes everything back
// when the successor does not get there. docs/decisions/0013 tells who owns what at each moment.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { once } from 'node:events';
import { TakoError } from '@tako/config';
import type { PartialLines } from '@tako/supervisor';
import { handoffPreparedTimeoutMs, handoffReadyTimeoutMs, successorExitWaitMs } from '../limits.ts';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import type { Environment } from '../process-environment.ts';
import { withDeadline } from '../timing.ts';
import { createMessageLine } from '../workers/message-line.ts';
import type { MessageLine } from '../workers/message-line.ts';
import { firstHandedFd, handoffChannelFd, handoffVariable } from './handoff-channel.ts';
import type { FromPredecessor, FromSuccessor, HandoffOffer } from './handoff-channel.ts';

export interface SuccessorProgram {
  /** Absolute, as given at this daemon's start, links unresolved: after an upgrade they lead to the new version. */
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Environment;
}

export interface HandoffRequest {
  /** Stops supervising and planning; never stops an instance or a worker. */
  readonly letGo: () => Promise<ReadonlyMap<string, PartialLines>>;
  /** Tells the service manager who the service is from now on; returns when it was said. */
  readonly announce: (pid: number) => void;
}

export type HandoffOutcome =
  /** The successor serves; this process has only to exit. */
  | { readonly kind: 'handedOver'; readonly successor: Successor }
  /** `released`: this daemon had let go and must take over again. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly released: ReadonlyMap<string, PartialLines> | null;
    };

/** What the successor said, in order; its exit ends the wait for more. */
export class Conversation {
  readonly #heard = new Map<FromSuccessor['type'], PromiseWithResolvers<boolean>>([
    ['prepared', Promise.withResolvers<boolean>()],
    ['ready', Promise.withResolvers<boolean>()],
  ]);

  hear(type: FromSuccessor['type']): void {
    this.#heard.get(type)?.resolve(true);
  }

  end(): void {
    for (const waiting of this.#heard.values()) waiting.resolve(false);
  }

  async heard(type: FromSuccessor['type'], timeoutMs: number): Promise<boolean> {
    return withDeadline(this.#heard.get(type)?.promise ?? Promise.resolve(false), timeoutMs, false);
  }
}

/** Who takes over: a process that this one started, or one that asks a standby for its place back. */
export interface Successor {
  readonly pid: number;
  readonly talk: Conversation;
  readonly line: MessageLine<FromPredecessor>;
  /** It did not get there: half of a successor must not go on beside us. Resolves to what became of it. */
  discard(): Promise<string>;
  /** It goes on without this process. */
  leave(): void;
  /** It leads, and a SIGHUP reached this process. */
  reload(): void;
  /** It leads, and this process was told to stop. A second call makes it quick. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** What a successor is given: those of the data plane, and those of the control process. */
export interface HandedSockets {
  readonly sockets: ListeningSockets;
  readonly control: ControlSockets;
}

function spawnSuccessor(successor: SuccessorProgram, { sockets, control }: HandedSockets): ChildProcess {
  const descriptors = sockets.descriptors();
  const firstControlFd = firstHandedFd + (descriptors?.length ?? 0);
  const offer: HandoffOffer = {
    predecessor: process.pid,
    listeners: descriptors?.map((listener, index) => ({ ...listener, fd: firstHandedFd + index })) ?? null,
    control: control.descriptors.map((socket, index) => ({ ...socket, fd: firstControlFd + index })),
  };
  const handed = [...(descriptors ?? []), ...control.descriptors];
  return spawn(successor.program, successor.arguments, {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...handed.map(({ fd }) => fd)],
    env: { ...successor.environment, [handoffVariable]: JSON.stringify(offer) },
    detached: true,
  });
}

function converse(channel: Socket): Pick<Successor, 'talk' | 'line'> {
  const talk = new Conversation();
  const line = createMessageLine<FromSuccessor, FromPredecessor>(channel, {
    onMessage: (message) => talk.hear(message.type),
    onClose: () => talk.end(),
  });
  return { talk, line };
}

/** Throws HANDOFF_FAILED when the program cannot be run at all. */
export async function startSuccessor(program: SuccessorProgram, handed: HandedSockets): Promise<Successor> {
  const child = spawnSuccessor(program, handed);
  const { pid } = child;
  if (pid === undefined) {
    const [error]: unknown[] = await once(child, 'error');
    throw new TakoError('HANDOFF_FAILED', `the successor could not be started: ${String(error)}`);
  }
  const channel = child.stdio[handoffChannelFd];
  if (!(channel instanceof Socket)) throw new Error('a spawned child has no channel');
  const { talk, line } = converse(channel);
  child.on('exit', () => talk.end());
  return {
    pid,
    talk,
    line,
    discard: () => discard(child),
    leave: () => child.unref(),
    reload: () => void child.kill('SIGHUP'),
    stop: () => stopChild(child),
  };
}

/** A process that connected and asks to take over. Its pid is nobody's business: no service manager is told. */
export function meetSuccessor(channel: Socket): Successor {
  const { talk, line } = converse(channel);
  return {
    pid: 0,
    talk,
    line,
    discard: async () => {
      line.close();
      return 'went away or was too slow';
    },
    leave: () => undefined,
    // Whoever gave back was the stand-in of a service of its own, which has signals of its own.
    reload: () => undefined,
    stop: async () => undefined,
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  child.ref();
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** SIGKILL and wait. */
async function discard(child: ChildProcess): Promise<string> {
  const exit = hasEnded(child) ? Promise.resolve(null) : once(child, 'exit');
  // Its channel ends an instant before it does.
  await withDeadline(exit, successorExitWaitMs, null);
  if (hasEnded(child)) return `exited with ${child.signalCode ?? child.exitCode}`;
  child.kill('SIGKILL');
  await exit;
  return 'was too slow and was killed';
}

export async function handOff(successor: Successor, request: HandoffRequest): Promise<HandoffOutcome> {
  const { pid, talk, line } = successor;
  if (!(await talk.heard('prepared', handoffPreparedTimeoutMs))) {
    const reason = `the successor ${await successor.discard()} before it was prepared`;
    return { kind: 'failed', reason, released: null };
  }
  const partials = await request.letGo();
  line.send({ type: 'released', partials: Object.fromEntries(partials) });
  if (!(await talk.heard('ready', handoffReadyTimeoutMs))) {
    const reason = `the successor ${await successor.discard()} before it was ready`;
    return { kind: 'failed', reason, released: partials };
  }
  request.announce(pid);
  line.send({ type: 'main' });
  // Not closed here: what was just said would be lost. The successor closes it, or the exit of this process.
  successor.leave();
  return { kind: 'handedOver', successor };
}
