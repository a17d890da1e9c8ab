// Counts of what each deployment has under way, told to the control process when they changed, at most every
// interval: idleness is the sum over workers, so each change must be told, but not each request.
import type { DeploymentActivity, WorkerMessage } from '../control/messages.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Clock } from '../timing/clock.ts';

export interface ActivityLedgerOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly send: (message: WorkerMessage) => void;
}

export class ActivityLedger {
  readonly #options: ActivityLedgerOptions;
  /** Each once: `counts.isNoted` says that it is in. */
  #changed: Deployment[] = [];
  #cancel: (() => void) | null = null;
  #inFlight = 0;

  constructor(options: ActivityLedgerOptions) {
    this.#options = options;
  }

  /** Over all deployments. */
  get inFlight(): number {
    return this.#inFlight;
  }

  began(deployment: Deployment): void {
    deployment.counts.inFlight += 1;
    this.#inFlight += 1;
    this.#note(deployment);
  }

  ended(deployment: Deployment): void {
    deployment.counts.inFlight -= 1;
    deployment.counts.ended += 1;
    deployment.counts.lastEndedAt = this.#options.clock.now();
    this.#inFlight -= 1;
    this.#note(deployment);
  }

  /** Tells the given ones whether or not they changed (a new control process knows nothing). */
  announce(deployments: Iterable<Deployment>): void {
    for (const deployment of deployments) {
      if (deployment.counts.inFlight > 0 || deployment.counts.ended > 0) this.#note(deployment);
    }
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    for (const deployment of this.#changed.splice(0)) deployment.counts.isNoted = false;
  }

  #note(deployment: Deployment): void {
    if (deployment.counts.isNoted) return;
    deployment.counts.isNoted = true;
    this.#changed.push(deployment);
    this.#cancel ??= this.#options.clock.after(this.#options.intervalMs, () => this.#tell());
  }

  #tell(): void {
    this.#cancel = null;
    const now = this.#options.clock.now();
    const activity = this.#changed.map((deployment) => activityOf(deployment, now));
    for (const deployment of this.#changed.splice(0)) deployment.counts.isNoted = false;
    this.#options.send({ type: 'activity', activity });
  }
}

function activityOf(deployment: Deployment, now: number): DeploymentActivity {
  const { inFlight, ended, lastEndedAt } = deployment.counts;
  const inFlightByInstance: Record<string, number> = {};
  for (const instance of deployment.instances()) inFlightByInstance[instance.id] = instance.inFlight.size;
  return {
    deploymentId: deployment.id,
    inFlight,
    ended,
    sinceLastEndedMs: lastEndedAt === null ? null : Math.max(0, Math.round(now - lastEndedAt)),
    inFlightByInstance,
  };
}
