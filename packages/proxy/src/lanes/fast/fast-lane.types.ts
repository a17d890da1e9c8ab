// What a connection of the fast lane tells its lane.
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import type { FailureKind } from '../../replies/failure.ts';
import type { LaneConnection } from '../lane.ts';

export interface FastConnectionEvents<Connection extends LaneConnection> {
  /** The bytes are back in the socket. */
  readonly handedOver: (connection: Connection) => void;
  /** What to say before the end, of a head that became no request. */
  readonly refusal: (
    facts: ConnectionFacts,
    why: { readonly kind: FailureKind; readonly cause: string },
  ) => string;
  readonly closed: (connection: Connection) => void;
}
