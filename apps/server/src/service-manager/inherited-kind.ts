// What an inherited socket is for: what its name says, else what it is bound to. Pure.
import type { BoundSocket } from './bound-socket.ts';
import { isInheritedKind } from './activation-request.ts';
import type { InheritedKind } from './activation-request.ts';

export type ListeningBoundSocket = Extract<BoundSocket, { kind: 'tcp' | 'unix' }>;

/** Where the options would have this server listen. */
export interface ExpectedPlaces {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The management socket's path. */
  readonly socket: string;
  /** null: no metrics listener. */
  readonly metricsPort: number | null;
}

/** `https`, or the name of a socket unit, which systemd gives where no FileDescriptorName= is set. */
function kindOfName(name: string): InheritedKind | null {
  const last =
    name
      .replace(/\.socket$/, '')
      .split(/[-_.]/)
      .at(-1) ?? '';
  return isInheritedKind(last) ? last : null;
}

/** Ports that mean one thing wherever they are; port 0 of the options means none. */
function kindOfPlace(bound: ListeningBoundSocket, places: ExpectedPlaces): InheritedKind | null {
  if (bound.kind === 'unix') return bound.path === places.socket ? 'management' : null;
  if (bound.port === places.httpsPort) return 'https';
  if (bound.port === places.httpPort) return 'http';
  if (bound.port === places.metricsPort) return 'metrics';
  if (bound.port === 443) return 'https';
  return bound.port === 80 ? 'http' : null;
}

/** null: neither its name nor its place tells. */
export function kindOfSocket(
  name: string | null,
  bound: ListeningBoundSocket,
  places: ExpectedPlaces,
): InheritedKind | null {
  return (name === null ? null : kindOfName(name)) ?? kindOfPlace(bound, places);
}
