// What listeners and a lame duck know of a lane and its connections.
import type { Socket } from 'node:net';
import type { ConnectionFacts } from '../pipeline/exchange.ts';

export interface LaneConnection {
  /** Nothing is under way on it. */
  readonly isIdle: boolean;
  readonly isUpgraded: boolean;
  /** A head is on its way in; not to be closed under it. */
  readonly isReadingHead: boolean;
  /** After everything written so far, and not before the client had its time to read it. */
  readonly closeSoon: () => void;
  /** At once, so that the client notices an unfinished response. */
  readonly cut: () => void;
}

export interface Lane {
  readonly connections: Iterable<LaneConnection>;
  readonly size: number;
  /** Serves a connection, plain or TLS, whose bytes nobody has taken (`unshift` gives them back). */
  readonly serve: (socket: Socket, facts: ConnectionFacts) => void;
}
