// What goes on in each deployment, added up over the planes: in flight, when the last request ended, how many a
// second. Planes report; this file only adds.
import type { DeploymentActivity } from '@tako/proxy';
import { RateWindow } from './rate-window.ts';

export interface ActivityTotals {
  readonly inFlight: number;
  /** Milliseconds since the last request ended on any plane; null = none yet. */
  readonly sinceLastEndedMs: number | null;
  /** Ended in the last ten seconds, per second. */
  readonly requestsPerSecond: number;
}

export class Activity {
  readonly #byPlane = new Map<number, Map<string, DeploymentActivity>>();
  /** Planes whose first word tells what they did for another daemon: that is not traffic of now. */
  readonly #veterans = new Set<number>();
  readonly #rates = new Map<string, RateWindow>();
  readonly #lastEndedAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A plane that served before this process knew it. */
  adopted(plane: number): void {
    this.#veterans.add(plane);
  }

  report(plane: number, activities: readonly DeploymentActivity[]): void {
    const at = this.#now();
    const reports = this.#byPlane.get(plane) ?? new Map<string, DeploymentActivity>();
    this.#byPlane.set(plane, reports);
    for (const activity of activities) {
      const id = activity.deploymentId;
      this.#count(id, activity.ended - this.#endedBefore(plane, reports.get(id), activity), at);
      reports.set(id, activity);
      if (activity.sinceLastEndedMs !== null) {
        const endedAt = at - activity.sinceLastEndedMs;
        this.#lastEndedAt.set(id, Math.max(endedAt, this.#lastEndedAt.get(id) ?? 0));
      }
    }
  }

  forgetPlane(plane: number): void {
    this.#byPlane.delete(plane);
    this.#veterans.delete(plane);
  }

  forgetDeployment(id: string): void {
    for (const reports of this.#byPlane.values()) reports.delete(id);
    for (const map of [this.#rates, this.#lastEndedAt]) map.delete(id);
  }

  totals(id: string): ActivityTotals {
    const now = this.#now();
    const lastEndedAt = this.#lastEndedAt.get(id);
    return {
      inFlight: this.#sum(id, (activity) => activity.inFlight),
      sinceLastEndedMs: lastEndedAt === undefined ? null : now - lastEndedAt,
      requestsPerSecond: this.#rates.get(id)?.perSecond(now) ?? 0,
    };
  }

  instanceInFlight(id: string, instance: string): number {
    return this.#sum(id, (activity) => activity.inFlightByInstance[instance] ?? 0);
  }

  #endedBefore(plane: number, last: DeploymentActivity | undefined, now: DeploymentActivity): number {
    if (last !== undefined) return last.ended;
    return this.#veterans.has(plane) ? now.ended : 0;
  }

  /** A deployment that was deleted and came back begins at 0 again. */
  #count(id: string, ended: number, at: number): void {
    if (ended <= 0) return;
    const rate = this.#rates.get(id) ?? new RateWindow(at);
    this.#rates.set(id, rate);
    rate.add(ended, at);
  }

  #sum(id: string, pick: (activity: DeploymentActivity) => number): number {
    let total = 0;
    for (const reports of this.#byPlane.values()) {
      const activity = reports.get(id);
      if (activity !== undefined) total += pick(activity);
    }
    return total;
  }
}
