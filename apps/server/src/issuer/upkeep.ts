// The one loop that keeps certificates: looks at what is wanted and held, starts what is due, and sleeps until something
// else is. It never throws for what the world does, and never holds up whoever wakes it.
import type { Log } from '../log.ts';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import { pause } from '../timing.ts';
import type { IssueJob } from './issue-job.ts';
import type { IssuerStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';
import type { NameFailures } from './name-failures.ts';
import { withNameLock } from './name-lock.ts';
import { planUpkeep, supersededCertificates } from './upkeep-plan.ts';
import type { PlannedOrder } from './upkeep-plan.ts';
import type { NameSelection } from './wanted-names.ts';

export interface UpkeepDeps {
  readonly storage: IssuerStorage;
  readonly failures: NameFailures;
  /** Asks the CAs of these when to renew them, and keeps the answers. */
  readonly pollRenewals: (certificates: readonly IssuedCertificate[], signal: AbortSignal) => Promise<void>;
  readonly issue: (job: IssueJob, signal: AbortSignal) => Promise<IssuedCertificate[]>;
  readonly select: () => NameSelection;
  readonly customNames: () => readonly string[];
  readonly isForeign: (directory: string) => boolean;
  /** Hands what is held to the workers; coalesced, never rejects. */
  readonly publish: () => Promise<void>;
  /** True when there is a new self-signed default to serve. */
  readonly renewSelfSigned: () => Promise<boolean>;
  /** Once for each order that was carried out; not for one that was given up because the daemon ends. */
  readonly onOrderEnded: (result: OrderResult) => void;
  /** False: what is held is looked after, nothing is asked of a CA. */
  readonly issuing: boolean;
  readonly intervalMs: number;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** `failed`: not one certificate came of it. */
export type OrderResult = 'issued' | 'failed';

export interface UpkeepView {
  readonly selection: NameSelection;
  readonly certificates: readonly IssuedCertificate[];
}

export class Upkeep {
  readonly #deps: UpkeepDeps;
  readonly #signal: AbortSignal;
  readonly #jobs = new Set<Promise<void>>();
  readonly #busy = new Set<string>();
  /** Names that another process holds, and until when they are left alone. */
  readonly #held = new Map<string, number>();
  #view: UpkeepView = { selection: { wanted: [], unprovided: [] }, certificates: [] };
  #wake = new AbortController();
  #polling = false;
  /** Ids of what the workers were given last. */
  #published: string | null = null;

  constructor(deps: UpkeepDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  get view(): UpkeepView {
    return this.#view;
  }

  /** Something changed: looks again soon. */
  wake(): void {
    this.#wake.abort();
  }

  /** Reads what there is; rejects when the storage does. */
  async read(): Promise<UpkeepView> {
    const { storage, failures, select } = this.#deps;
    const selection = select();
    const wanted = new Set(selection.wanted.flatMap(({ names }) => names));
    await failures.read((name) => wanted.has(name));
    this.#view = { selection, certificates: await storage.certificates.list() };
    // What is there at the start is handed out by whoever starts the workers.
    this.#published ??= idsOf(this.#view.certificates);
    return this.#view;
  }

  /** Also what another server put into a shared storage. */
  async #publishChanges(certificates: readonly IssuedCertificate[]): Promise<void> {
    const ids = idsOf(certificates);
    if (ids === this.#published) return;
    this.#published = ids;
    await this.#deps.publish();
  }

  /** Ends when the signal aborts and every job has ended. Never rejects. */
  async run(): Promise<void> {
    const { log } = this.#deps;
    const stop = (): void => this.wake();
    this.#signal.addEventListener('abort', stop, { once: true });
    while (!this.#signal.aborted) {
      this.#wake = new AbortController();
      let sleepMs: number = issuerLimits.nameLeaseMs;
      try {
        sleepMs = await this.#pass();
      } catch (error) {
        log.error({ err: error }, 'certificates could not be looked after');
      }
      await pause(Math.max(1, sleepMs), this.#wake.signal);
    }
    this.#signal.removeEventListener('abort', stop);
    await Promise.all(this.#jobs);
  }

  /** Resolves to how long nothing is due. */
  async #pass(): Promise<number> {
    const { intervalMs, nowMs, isForeign, failures } = this.#deps;
    const { selection, certificates } = await this.read();
    await this.#tidy(selection, certificates);
    const longest = Math.min(intervalMs, issuerLimits.wakeMaxMs);
    if (!this.#deps.issuing) return longest;
    for (const [name, until] of this.#held) if (until <= nowMs()) this.#held.delete(name);
    const plan = planUpkeep({
      nowMs: nowMs(),
      wanted: selection.wanted,
      certificates: this.#view.certificates,
      failures: failures.all,
      busy: new Set([...this.#busy, ...this.#held.keys()]),
      isForeign,
    });
    for (const order of plan.orders) {
      // The rest begins when one of these ends, which wakes the loop.
      if (this.#jobs.size >= issuerLimits.ordersAtOnce) break;
      this.#start(order);
    }
    if (plan.polls.length > 0 && !this.#polling) void this.#poll(plan.polls);
    const next = Math.min(plan.nextAt ?? Infinity, ...this.#held.values());
    return Math.min(longest, Number.isFinite(next) ? next - nowMs() : longest);
  }

  /** Takes away what serves nobody any more, and what crashes left. */
  async #tidy(selection: NameSelection, certificates: readonly IssuedCertificate[]): Promise<void> {
    const { storage, nowMs, customNames, renewSelfSigned, publish, log } = this.#deps;
    const now = nowMs();
    const ids = supersededCertificates({
      nowMs: now,
      certificates,
      wanted: selection.wanted,
      customNames: customNames(),
    });
    for (const id of ids) {
      await storage.certificates.remove(id);
      log.info({ certificate: id }, 'certificate was removed: another one serves its names');
    }
    if (ids.length > 0) {
      const gone = new Set(ids);
      this.#view = { selection, certificates: certificates.filter(({ id }) => !gone.has(id)) };
    }
    if (await renewSelfSigned()) await publish();
    await this.#publishChanges(this.#view.certificates);
    await storage.pauses.sweep(now);
    for (const id of await storage.orders.placedBefore(now - issuerLimits.orderResumeMaxAgeMs))
      await storage.orders.delete(id);
  }

  #start(order: PlannedOrder): void {
    for (const name of order.names) this.#busy.add(name);
    const job = this.#run(order)
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error, app: order.deploymentId }, 'certificate job broke off');
        this.#hold(order.names, issuerLimits.nameLeaseMs);
      })
      .finally(() => {
        for (const name of order.names) this.#busy.delete(name);
        this.#jobs.delete(job);
        this.wake();
      });
    this.#jobs.add(job);
  }

  async #poll(ids: readonly string[]): Promise<void> {
    this.#polling = true;
    const due = this.#view.certificates.filter(({ id }) => ids.includes(id));
    try {
      await this.#deps.pollRenewals(due, this.#signal);
    } catch (error) {
      this.#deps.log.error({ err: error }, 'renewal times could not be kept');
    }
    this.#polling = false;
    this.wake();
  }

  #hold(names: readonly string[], ms: number): void {
    for (const name of names) this.#held.set(name, this.#deps.nowMs() + ms);
  }

  async #run(order: PlannedOrder): Promise<void> {
    const { storage, issue, onOrderEnded, log, nowMs } = this.#deps;
    const before = new Set(this.#view.certificates.map(({ id }) => id));
    const startedAt = nowMs();
    const locked = await withNameLock(storage.locks, order.names, {
      signal: this.#signal,
      work: async (signal) => {
        // Between plan and lock another process may have issued it: the next plan knows.
        const now = await storage.certificates.list();
        const isNew = now.some(
          ({ id, names }) => !before.has(id) && names.some((name) => order.due.has(name)),
        );
        return isNew ? null : issue({ ...order, replaces: replacedBy(order, now) }, signal);
      },
    });
    if (locked.kind === 'held') {
      this.#hold(order.names, issuerLimits.heldRetryMs);
      return;
    }
    const issued = locked.value;
    if (issued === null) return;
    for (const { names, issuer, notAfter, acme } of issued) {
      log.info(
        {
          app: order.deploymentId,
          names,
          issuer,
          notAfter,
          renewAt: acme.renewAt,
          durationMs: nowMs() - startedAt,
        },
        'certificate was issued',
      );
    }
    if (issued.length > 0) {
      this.#view = { ...this.#view, certificates: await storage.certificates.list() };
      await this.#publishChanges(this.#view.certificates);
    }
    if (issued.length > 0) onOrderEnded('issued');
    else if (!this.#signal.aborted) onOrderEnded('failed');
  }
}

const idsOf = (certificates: readonly IssuedCertificate[]): string =>
  certificates
    .map(({ id }) => id)
    .toSorted()
    .join(' ');

function replacedBy(order: PlannedOrder, certificates: readonly IssuedCertificate[]): IssueJob['replaces'] {
  const acme = certificates.find(({ id }) => id === order.replaces)?.acme;
  return acme?.ariId === undefined || acme.ariId === null
    ? null
    : { directory: acme.directory, ariId: acme.ariId };
}
