// The listening sockets of the control process itself: metrics, and the management socket where a service manager
// holds it. Handed on like those of the data plane; no worker gets them. Binds; never accepts.
import { closeSync, realpathSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import type { ServerOptions } from '../options/option-table.ts';
import { openLibc } from '../service-manager/libc.ts';
import { bindTcpSocket, placeText } from './bind-socket.ts';

export type ControlKind = 'metrics' | 'management';

export interface InheritedControlSocket {
  readonly kind: ControlKind;
  /** An IP address or the path of a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly fd: number;
  /** From the service manager: whatever the options say of its kind is not bound. */
  readonly activated: boolean;
}

interface HeldSocket extends InheritedControlSocket {
  /** Owns the fd when this process bound it. */
  readonly bound: net.BoundSocket | null;
}

export class ControlSockets implements AsyncDisposable {
  #held: readonly HeldSocket[];

  private constructor(held: readonly HeldSocket[]) {
    this.#held = held;
  }

  /** From a predecessor or the service manager, which owned them until now. */
  static inherit(sockets: readonly InheritedControlSocket[]): ControlSockets {
    return new ControlSockets(sockets.map((socket) => ({ ...socket, bound: null })));
  }

  /** For a successor's `stdio`. */
  get descriptors(): readonly InheritedControlSocket[] {
    return this.#held.map(({ kind, address, port, fd, activated }) => ({
      kind,
      address,
      port,
      fd,
      activated,
    }));
  }

  /** For people. */
  addresses(kind: ControlKind): string[] {
    return this.#of(kind).map(placeText);
  }

  /** Whether a management socket is at that path, however it is written (/var/run is a link). */
  holdsPath(file: string): boolean {
    return this.#of('management').some(({ address }) => placeOf(address) === placeOf(file));
  }

  /** Descriptors to accept on, which may be closed: those held here stay for a successor. */
  duplicates(kind: ControlKind): number[] {
    return this.#of(kind).map(({ fd }) => openLibc().duplicate(fd));
  }

  /** What the options want of those that were inherited; the rest is bound or closed. Throws LISTEN_FAILED. */
  adjust({ metricsListen, reusePort }: Pick<ServerOptions, 'metricsListen' | 'reusePort'>): ControlSockets {
    const kept = this.#held.filter((socket) => socket.activated);
    if (metricsListen !== null && !kept.some(({ kind }) => kind === 'metrics')) {
      const { host, port } = metricsListen;
      const have = this.#held.find(
        (socket) =>
          socket.kind === 'metrics' && socket.address === host && (port === 0 || socket.port === port),
      );
      kept.push(have ?? bindMetrics(host, port, reusePort));
    }
    for (const socket of this.#held) if (!kept.includes(socket)) close(socket);
    return new ControlSockets(kept);
  }

  with(others: ControlSockets): ControlSockets {
    return new ControlSockets([...this.#held, ...others.#held]);
  }

  /** Lets go of what is not the service manager's: another process is to bind it. */
  async release(): Promise<void> {
    for (const socket of this.#held) if (!socket.activated) close(socket);
    this.#held = this.#held.filter((socket) => socket.activated);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#held) close(socket);
  }

  #of(kind: ControlKind): HeldSocket[] {
    return this.#held.filter((socket) => socket.kind === kind);
  }
}

/** Links of the folder resolved, not of the socket itself: `tako.sock` may be one. */
function placeOf(file: string): string {
  try {
    return path.join(realpathSync(path.dirname(file)), path.basename(file));
  } catch {
    // No such folder: then nothing else is in it.
    return file;
  }
}

function bindMetrics(host: string, port: number, reusePort: boolean): HeldSocket {
  const bound = bindTcpSocket({ kind: 'metrics', host, port, reusePort, option: '--metrics-listen' });
  const own = { fd: bound.fd(), port: bound.address().port, bound, activated: false };
  return { kind: 'metrics', address: host, ...own };
}

function close({ bound, fd }: HeldSocket): void {
  if (bound === null) closeSync(fd);
  else bound[Symbol.dispose]();
}
