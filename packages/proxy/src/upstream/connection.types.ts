// What an upstream connection is given and whom it tells. Knows no socket.
import type { ResponseHead } from '../h1/response-head.ts';
import type { Clock } from '../timing/clock.ts';
import type { DeadlineWheel } from '../timing/deadline-wheel.ts';
import type { UpstreamConnection } from './connection.ts';
import type { UpstreamLimits } from './limits.ts';
import type { RawHeaders, UpstreamFailureKind } from './upstream.types.ts';

export interface ConnectionServices {
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly limits: UpstreamLimits;
  /** Shared: a head is recognised and told in one turn. */
  readonly responseHead: ResponseHead;
}

/** Who uses a connection for a request. */
export interface ConnectionUser {
  readonly connectionReady: () => void;
  readonly connectionInterim: (head: ResponseHead, buffer: Buffer) => void;
  readonly connectionHead: (head: ResponseHead, buffer: Buffer) => void;
  readonly connectionBody: (buffer: Buffer, start: number, end: number) => void;
  readonly connectionReadDone: () => void;
  readonly connectionEnded: (trailers: RawHeaders) => void;
  readonly connectionFailed: (kind: UpstreamFailureKind, cause: Error | undefined) => void;
  readonly connectionDrained: () => void;
}

/** Who owns connections. */
export interface ConnectionOwner {
  /** A response ended properly and another request may follow. */
  readonly connectionIdle: (connection: UpstreamConnection) => void;
  /** Gone; `idleMs` tells how long it had been idle, -1 when it was not. */
  readonly connectionClosed: (connection: UpstreamConnection, idleMs: number) => void;
}
