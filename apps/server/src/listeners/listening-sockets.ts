// The shared listening sockets: opened once by the control process or inherited, never closed while anyone may
// connect, handed to workers by fd. This file binds; it never accepts.
import net from 'node:net';
import { closeSync } from 'node:fs';
import { TakoError } from '@tako/config';
import type { ServerOptions } from '../options/option-table.ts';
import type { InheritedListener } from '../workers/worker-arguments.ts';
import { bindTcpSocket, placeText } from './bind-socket.ts';
import { bindUnixSocket, removeUnixSocket } from './unix-socket.ts';

export type ListenerKind = 'http' | 'https';

export interface ListeningSocket {
  readonly kind: ListenerKind;
  readonly address: string;
  readonly port: number;
  /** -1: only workers hold it (a daemon restarted after a crash, without systemd). */
  readonly fd: number;
  /** Owns the fd when this process bound it. null when it was inherited. */
  readonly bound: net.BoundSocket | null;
  /** From the service manager: whatever the options say of its kind is not bound. */
  readonly activated: boolean;
}

/** Closing them is idempotent. */
export interface ListeningSockets extends AsyncDisposable {
  readonly all: readonly ListeningSocket[];
  /** For a child's `stdio`; null when only workers hold the sockets. */
  descriptors(): readonly InheritedListener[] | null;
  /** `127.0.0.1:8080`, `[::1]:8080` per kind, for people. */
  addresses(kind: ListenerKind): string[];
  /** Lets go of what is not the service manager's: another process goes on with it, or binds it. */
  release(): void;
}

function bindOne(kind: ListenerKind, host: string, port: number, reusePort: boolean): ListeningSocket {
  const bound = bindTcpSocket({ kind, host, port, reusePort, option: `--bind and --${kind}-port` });
  return { kind, address: host, port: bound.address().port, fd: bound.fd(), bound, activated: false };
}

/** An IPv6 wildcard on a machine without IPv6 is left out when an IPv4 address is bound too. */
function skippable(host: string, others: readonly string[], error: unknown): boolean {
  const errno = error instanceof TakoError ? error.details['errno'] : undefined;
  return (
    host === '::' &&
    others.some((other) => net.isIPv4(other)) &&
    (errno === 'EAFNOSUPPORT' || errno === 'EADDRNOTAVAIL')
  );
}

/** Nobody goes on with them. */
function closeAll(sockets: readonly ListeningSocket[]): void {
  for (const { bound, fd, port, address, activated } of sockets) {
    if (bound !== null) bound[Symbol.dispose]();
    else if (fd >= 0) closeSync(fd);
    if (port === 0 && !activated) removeUnixSocket(address);
  }
}

function bindUnix(place: string): ListeningSocket {
  return { kind: 'http', address: place, port: 0, fd: bindUnixSocket(place), bound: null, activated: false };
}

function bindKind(kind: ListenerKind, port: number, options: ServerOptions): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const host of options.bind) {
    try {
      // With port 0 the first address picks one and the others take the same.
      sockets.push(bindOne(kind, host, sockets[0]?.port ?? port, options.reusePort));
    } catch (error) {
      if (skippable(host, options.bind, error)) continue;
      closeAll(sockets);
      throw error;
    }
  }
  return sockets;
}

function holder(all: readonly ListeningSocket[]): ListeningSockets {
  let open = all;
  return {
    all,
    descriptors: () =>
      all.some((socket) => socket.fd < 0)
        ? null
        : all.map(({ kind, address, port, fd, activated }) => ({ kind, address, port, fd, activated })),
    addresses: (kind) => all.filter((socket) => socket.kind === kind).map(placeText),
    release: () => {
      closeAll(open.filter((socket) => !socket.activated));
      open = open.filter((socket) => socket.activated);
    },
    [Symbol.asyncDispose]: async () => {
      closeAll(open);
      // A second time the numbers would be somebody else's.
      open = [];
    },
  };
}

/** Throws LISTEN_FAILED; then nothing stays bound. */
export function openListeningSockets(options: ServerOptions): ListeningSockets {
  const all: ListeningSocket[] = [];
  try {
    all.push(...bindKind('http', options.httpPort, options));
    all.push(...bindKind('https', options.httpsPort, options));
    for (const place of options.listenUnix) all.push(bindUnix(place));
    return holder(Object.freeze(all));
  } catch (error) {
    closeAll(all);
    throw error;
  }
}

/**
 * Inherited sockets as the options of a reload want them: what is still wanted stays, what is new is bound, what is
 * not wanted any more is closed here (the workers before go on with it until they have left).
 */
export function adjustListeningSockets(
  inherited: ListeningSockets,
  options: ServerOptions,
): ListeningSockets {
  if (inherited.descriptors() === null) return inherited;
  const wanted = (['http', 'https'] as const).flatMap((kind) =>
    options.bind.map((address) => ({
      kind,
      address,
      port: kind === 'http' ? options.httpPort : options.httpsPort,
    })),
  );
  const kept: ListeningSocket[] = inherited.all.filter((socket) => socket.activated);
  const activated = new Set(kept.map((socket) => socket.kind));
  const fresh: ListeningSocket[] = [];
  for (const { kind, address, port } of wanted) {
    // Whoever hands sockets over decides what is listened on (spec 40, Socket activation).
    if (activated.size > 0) continue;
    const have = inherited.all.find(
      (socket) => socket.kind === kind && socket.address === address && (port === 0 || socket.port === port),
    );
    if (have !== undefined) kept.push(have);
    else fresh.push(...bindAll(kind, address, port, options));
  }
  for (const place of options.listenUnix) {
    const have = inherited.all.find((socket) => socket.address === place);
    if (have === undefined) fresh.push(bindUnix(place));
    else if (!kept.includes(have)) kept.push(have);
  }
  closeAll(inherited.all.filter((socket) => !kept.includes(socket)));
  return holder(Object.freeze([...kept, ...fresh]));
}

/** One address of a reload; left out where the machine has no IPv6, as at a start. */
function bindAll(
  kind: ListenerKind,
  address: string,
  port: number,
  options: ServerOptions,
): ListeningSocket[] {
  try {
    return [bindOne(kind, address, port, options.reusePort)];
  } catch (error) {
    if (skippable(address, options.bind, error)) return [];
    throw error;
  }
}

/** Sockets that a predecessor or systemd handed over by fd, or that only workers hold (`fd` -1). */
export function inheritListeningSockets(inherited: readonly InheritedListener[]): ListeningSockets {
  return holder(
    Object.freeze(
      inherited.map((socket) => ({ ...socket, activated: socket.activated ?? false, bound: null })),
    ),
  );
}
