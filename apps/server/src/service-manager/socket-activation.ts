// The listening sockets that whoever started us holds open for us: found, checked, given their kind, kept from
// children. It binds nothing and accepts nothing; what the sockets are used for is the caller's.
import { closeSync, openSync, statSync } from 'node:fs';
import net from 'node:net';
import { TakoError } from '@tako/config';
import { findInheritedDescriptors } from '@tako/supervisor';
import type { ControlKind, InheritedControlSocket } from '../listeners/control-sockets.ts';
import type { ListenerKind } from '../listeners/listening-sockets.ts';
import type { Environment } from '../process-environment.ts';
import type { InheritedListener } from '../workers/worker-arguments.ts';
import { requestedDescriptors } from './activation-request.ts';
import type { InheritedKind, RequestedDescriptor } from './activation-request.ts';
import { readBoundSocket } from './bound-socket.ts';
import { kindOfSocket } from './inherited-kind.ts';
import type { ExpectedPlaces, ListeningBoundSocket } from './inherited-kind.ts';
import { openLibc } from './libc.ts';

export interface InheritedSocket {
  readonly kind: InheritedKind;
  /** An IP address, or a Unix socket's path (`@name` for an abstract one). */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly fd: number;
}

export interface ActivationSource {
  readonly environment: Environment;
  readonly pid: number;
  /** `--listen-fd`. */
  readonly listenFd: readonly RequestedDescriptor[];
  readonly places: ExpectedPlaces;
}

interface Candidate extends RequestedDescriptor {
  readonly bound: ListeningBoundSocket;
}

function refuse(requested: RequestedDescriptor, problem: string, hint: string): TakoError {
  const { fd, name, origin } = requested;
  const called = name === null ? '' : ` (${JSON.stringify(name)})`;
  return new TakoError('INHERITED_SOCKET_INVALID', `descriptor ${fd}${called} of ${origin} ${problem}`, {
    hint,
    details: { fd, name, origin },
  });
}

const refusals = {
  closed: ['is not open', 'pass an open listening socket under that number, or leave it out'],
  notSocket: ['is not a socket', 'pass a listening socket under that number, or leave it out'],
  notListening: [
    'is not a listening stream socket of this network namespace',
    'use ListenStream= with Accept=no; datagram sockets and accepted connections do not serve',
  ],
} as const;

function check(requested: RequestedDescriptor): Candidate {
  const bound = readBoundSocket(requested.fd);
  if (bound.kind === 'tcp' || bound.kind === 'unix') return { ...requested, bound };
  const [problem, hint] = refusals[bound.kind];
  throw refuse(requested, problem, hint);
}

function place(bound: ListeningBoundSocket): string {
  if (bound.kind === 'unix') return bound.path === '' ? 'a Unix socket without a name' : bound.path;
  return net.isIPv6(bound.address) ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

/** Sockets that nothing tells apart are plain HTTP, when all of them are one port or one path; else we do not guess. */
function decideKinds(candidates: readonly Candidate[], places: ExpectedPlaces): [Candidate, InheritedKind][] {
  const decided = candidates.map((candidate) => ({
    candidate,
    kind: kindOfSocket(candidate.name, candidate.bound, places),
  }));
  const undecided = decided.filter(({ kind }) => kind === null).map(({ candidate }) => candidate);
  const distinct = new Set(undecided.map(({ bound }) => (bound.kind === 'tcp' ? bound.port : bound.path)));
  const [, second] = undecided;
  if (distinct.size > 1 && second !== undefined) {
    throw refuse(
      second,
      `could be http or https: ${undecided.map(({ bound }) => place(bound)).join(' and ')} have neither a name nor a known port`,
      'name them: FileDescriptorName=http in the socket unit, --fdname=http:https, or --listen-fd http=3,https=4',
    );
  }
  return decided.map(({ candidate, kind }) => [candidate, kind ?? 'http']);
}

/** The management API's only authentication is the mode of its socket file (spec 40). */
function assertMayServe(candidate: Candidate, kind: InheritedKind): void {
  if (kind !== 'management') return;
  const { bound } = candidate;
  if (bound.kind !== 'unix' || !bound.path.startsWith('/')) {
    throw refuse(
      candidate,
      `is the management socket, but is bound to ${place(bound)}`,
      'the management socket has to be a file whose mode says who may use it: ListenStream=/run/tako/tako.sock',
    );
  }
  const mode = statSync(bound.path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o002) === 0) return;
  throw refuse(
    candidate,
    `is the management socket, but everybody may use it: ${bound.path} has the mode 0${(mode & 0o777).toString(8)}`,
    'SocketMode=0660 and SocketGroup=tako in the socket unit (without them systemd makes it 0666)',
  );
}

/**
 * A socket on 0 to 2 is moved: a child that inherits one of these makes it blocking, for us and for every worker
 * (uv_spawn clears O_NONBLOCK of the shared description). /dev/null takes its place.
 */
function moveAwayFromStandard(fd: number): number {
  if (fd > 2) return fd;
  const moved = openLibc().duplicate(fd);
  closeSync(fd);
  // The lowest free number is the one just closed.
  const replacement = openSync('/dev/null', 'r+');
  if (replacement !== fd) closeSync(replacement);
  return moved;
}

/** libuv marks only low numbers at its start; an instance that got a listener would keep the port for ever. */
function keepFromChildren(fds: readonly number[]): void {
  const open = new Set(findInheritedDescriptors());
  const surplus = fds.filter((fd) => open.has(fd));
  if (surplus.length === 0) return;
  const libc = openLibc();
  for (const fd of surplus) libc.closeOnExec(fd);
}

/** A listening socket as standard input, which needs no variable to be recognised (s6, inetd's `wait` services). */
function standardInput(requested: readonly RequestedDescriptor[]): RequestedDescriptor[] {
  if (requested.length > 0) return [];
  const { kind } = readBoundSocket(0);
  return kind === 'tcp' || kind === 'unix' ? [{ fd: 0, name: null, origin: 'stdin' }] : [];
}

/**
 * Call once, before other descriptors are opened, and clear `serviceManagerVariables` from the environment then. An
 * empty list: nobody passed any, bind the ports. Throws INHERITED_SOCKET_INVALID; then no descriptor was touched.
 */
export function takeInheritedSockets(source: ActivationSource): InheritedSocket[] {
  const named = requestedDescriptors(source.environment, source);
  const candidates = [...named, ...standardInput(named)].map(check);
  const decided = decideKinds(candidates, source.places);
  for (const [candidate, kind] of decided) assertMayServe(candidate, kind);
  const sockets = decided.map(([candidate, kind]): InheritedSocket => {
    const { bound } = candidate;
    const fd = moveAwayFromStandard(candidate.fd);
    return bound.kind === 'tcp'
      ? { kind, address: bound.address, port: bound.port, fd }
      : { kind, address: bound.path, port: 0, fd };
  });
  keepFromChildren(sockets.map((socket) => socket.fd));
  return sockets;
}

/** Those that the control process serves itself. */
export function controlListeners(sockets: readonly InheritedSocket[]): InheritedControlSocket[] {
  const isOwn = (kind: InheritedKind): kind is ControlKind => kind === 'metrics' || kind === 'management';
  return sockets.flatMap(({ kind, ...socket }) =>
    isOwn(kind) ? [{ ...socket, kind, activated: true }] : [],
  );
}

/** Those that the data plane serves, as workers take them. */
export function proxyListeners(sockets: readonly InheritedSocket[]): InheritedListener[] {
  const isProxied = (kind: InheritedKind): kind is ListenerKind => kind === 'http' || kind === 'https';
  return sockets.flatMap(({ kind, ...socket }) => (isProxied(kind) ? [{ ...socket, kind }] : []));
}
