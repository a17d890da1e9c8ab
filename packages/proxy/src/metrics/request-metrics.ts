// What is counted about the requests of one deployment (or of none). Plain numbers; knows no request.
import type { DeploymentMetrics } from '../control/messages.ts';
import { Histogram } from './histogram.ts';

/** An app may answer with any three digits: beyond so many different ones they are counted together. */
const statusesMax = 64;
/** What those are counted as. */
const otherStatus = 0;

export class RequestMetrics {
  readonly #deploymentId: string;
  readonly #byStatus = new Map<number, number>();
  readonly duration = new Histogram();
  readonly upstream = new Histogram();
  /** Its change is to be told; the owner's own. */
  isNoted = false;

  constructor(deploymentId: string) {
    this.#deploymentId = deploymentId;
  }

  count(status: number): void {
    const known = this.#byStatus.get(status);
    if (known !== undefined) this.#byStatus.set(status, known + 1);
    else if (this.#byStatus.size < statusesMax) this.#byStatus.set(status, 1);
    else this.#byStatus.set(otherStatus, (this.#byStatus.get(otherStatus) ?? 0) + 1);
  }

  get counts(): DeploymentMetrics {
    return {
      deploymentId: this.#deploymentId,
      requests: Object.fromEntries(
        [...this.#byStatus].map(([status, count]) => [status === otherStatus ? 'other' : status, count]),
      ),
      duration: this.duration.counts,
      upstream: this.upstream.counts,
    };
  }
}
