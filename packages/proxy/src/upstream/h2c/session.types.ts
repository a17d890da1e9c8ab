// What the HTTP/2 connections to an instance are given, and whom they tell. Knows no socket.
import type { Clock } from '../../timing/clock.ts';
import type { DeadlineWheel } from '../../timing/deadline-wheel.ts';
import type { UpstreamLimits } from '../limits.ts';
import type { UpstreamFailureKind } from '../upstream.types.ts';
import type { UpstreamSession } from './session.ts';

export interface SessionServices {
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly limits: UpstreamLimits;
}

/** Why a session never came about. */
export interface SessionFailure {
  readonly kind: UpstreamFailureKind;
  readonly cause: Error | undefined;
}

export interface SessionOwner {
  /** It may have room for a stream now, or none any more. */
  readonly sessionChanged: (session: UpstreamSession) => void;
  /** Gone. `failure` where it never stood: not a byte of a request was sent on it. */
  readonly sessionClosed: (session: UpstreamSession, failure: SessionFailure | null) => void;
}
