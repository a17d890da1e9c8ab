// What the parts of the general lane share.
import type { RefusedHead } from '../../access-log/log-facts.ts';
import type { Limits } from '../../limits.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Clock } from '../../timing/clock.ts';
import type { DeadlineWheel } from '../../timing/deadline-wheel.ts';
import type { StaticReads } from '../static-reads.ts';

export interface LaneDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly reads: StaticReads;
  /** Hands a request to policy. */
  readonly run: (exchange: Exchange) => void;
  /** A head that never became a request was answered, and its connection ends. */
  readonly refused: (refusal: RefusedHead) => void;
  readonly isLame: () => boolean;
}
