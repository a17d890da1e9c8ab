// The upgrade of this host's server from one build to another (spec 40, Upgrade): its steps in order, and the way back
// from each of them. It knows no command line and prints nothing.
import { TakoError, isTakoError } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { errorMessage } from '../files/durable-file.ts';
import { pause } from '../timing.ts';
import { readArchiveVersion } from './builds-folder.ts';
import { upgradeLimits } from './limits.ts';
import { putBack } from './put-back.ts';
import type { UpgradeHost } from './put-back.ts';
import { assertStartedThrough } from './running-server.ts';
import {
  beginUpgradeRecord,
  claimUpgradeRecord,
  endUpgradeRecord,
  readUpgradeRecord,
} from './upgrade-record.ts';
import type { UpgradeRecord } from './upgrade-record.ts';
import type { UpgradeEvent, UpgradeOutcome, UpgradeStep, UpgradeTarget } from './upgrade.types.ts';

export interface UpgradeRequest {
  readonly target: UpgradeTarget;
  /** Of the upgrading lease, told to those who are refused meanwhile: who and where. */
  readonly owner: string;
  readonly healthyTimeoutMs: number;
  readonly onEvent: (event: UpgradeEvent) => void;
  /** Aborting puts everything back. */
  readonly signal: AbortSignal;
}

/** The lease outlives any single step (spec 40: renewed every 60 s). One renewal that fails is the next one's business. */
function keepUpgrading({ server }: UpgradeHost, owner: string): Disposable {
  const ended = new AbortController();
  const timer = setInterval(() => {
    server.enterUpgrading(owner, ended.signal).catch(() => undefined);
  }, upgradeLimits.renewIntervalMs);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      ended.abort();
    },
  };
}

async function untilHealthy(
  { server }: UpgradeHost,
  wanted: readonly string[],
  { healthyTimeoutMs, signal }: Pick<UpgradeRequest, 'healthyTimeoutMs' | 'signal'>,
): Promise<void> {
  const until = performance.now() + healthyTimeoutMs;
  for (;;) {
    const healthy = await server.healthyApps(signal);
    const ill = wanted.filter((id) => !healthy.has(id));
    if (ill.length === 0) return;
    if (performance.now() > until) {
      throw new TakoError(
        'UPGRADE_FAILED',
        `${ill.join(', ')} ${ill.length === 1 ? 'was' : 'were'} healthy before and not within ${healthyTimeoutMs / 1000} s after`,
        { hint: `tako logs of ${ill.join(', ')} may say why`, details: { apps: ill } },
      );
    }
    await pause(upgradeLimits.pollIntervalMs, signal);
    signal.throwIfAborted();
  }
}

/** One upgrade under way: which step it is at, and whether a reload was asked for and not seen to end. */
class Upgrade {
  readonly #host: UpgradeHost;
  readonly #request: UpgradeRequest;
  readonly #record: UpgradeRecord;
  #reloadPending = false;

  constructor(host: UpgradeHost, request: UpgradeRequest, record: UpgradeRecord) {
    this.#host = host;
    this.#request = request;
    this.#record = record;
  }

  async run(before: ServerIdentity): Promise<ServerIdentity> {
    let at: UpgradeStep = 'enter';
    const step = async <T>(next: UpgradeStep, work: () => Promise<T>): Promise<T> => {
      at = next;
      this.#request.signal.throwIfAborted();
      const { from, to } = this.#record;
      this.#request.onEvent({ type: 'step', step: next, from, to });
      return work();
    };
    try {
      return await this.#steps(before, step);
    } catch (reason) {
      this.#request.onEvent({
        type: 'puttingBack',
        version: this.#record.from,
        reason: errorMessage(reason),
      });
      await putBack(this.#host, this.#record, { reason, reloadPending: this.#reloadPending });
      throw this.#failure(at, reason);
    }
  }

  async #steps(
    before: ServerIdentity,
    step: <T>(next: UpgradeStep, work: () => Promise<T>) => Promise<T>,
  ): Promise<ServerIdentity> {
    const { server, builds } = this.#host;
    const { target, signal } = this.#request;
    const { owner, to, healthyBefore } = this.#record;
    await step('enter', () => server.enterUpgrading(owner, signal));
    using _lease = keepUpgrading(this.#host, owner);
    if (target.kind === 'archive') await step('unpack', () => builds.unpack(target, signal));
    await step('switch', () => builds.switchTo(to));
    const after = await step('reload', () => this.#reload(before));
    await step('healthy', () => untilHealthy(this.#host, healthyBefore, this.#request));
    await step('leave', () => server.exitUpgrading(owner, signal));
    return after;
  }

  async #reload(before: ServerIdentity): Promise<ServerIdentity> {
    this.#reloadPending = true;
    try {
      const after = await this.#host.server.reload(before, this.#record.to, this.#request.signal);
      this.#reloadPending = false;
      return after;
    } catch (error) {
      // The old daemon said that it goes on, or another process answers: that reload has ended.
      if (isTakoError(error) && error.code === 'UPGRADE_FAILED') this.#reloadPending = false;
      throw error;
    }
  }

  #failure(step: UpgradeStep, reason: unknown): TakoError {
    if (step === 'enter' && isTakoError(reason) && reason.code === 'UPGRADING_LEASE_HELD') return reason;
    const { from, to } = this.#record;
    const aborted = this.#request.signal.aborted;
    const hint = isTakoError(reason) ? reason.hint : null;
    return new TakoError(
      aborted ? 'INTERRUPTED' : 'UPGRADE_FAILED',
      `${aborted ? 'the upgrade was interrupted' : errorMessage(reason)}; version ${from} serves as before`,
      {
        hint: hint ?? 'the log of tako-server may say more (journalctl -u tako-server)',
        details: { step, from, to },
        cause: reason,
      },
    );
  }
}

/** A record that is there is that of a killed upgrade: it ends as what it had reached, or is put back. */
async function recover(host: UpgradeHost, request: UpgradeRequest): Promise<void> {
  const { builds, server } = host;
  const left = await readUpgradeRecord(builds.directory);
  if (left === null) return;
  const record = await claimUpgradeRecord(builds.directory, left);
  const running = await server.info(request.signal).catch(() => null);
  const arrived = running?.version === record.to && (await builds.current()) === record.to;
  try {
    if (!arrived) throw new Error('it was killed');
    await untilHealthy(host, record.healthyBefore, request);
    await server.exitUpgrading(record.owner, request.signal);
    await endUpgradeRecord(builds.directory);
    request.onEvent({ type: 'recovered', version: record.to, how: 'finished' });
  } catch (reason) {
    // Whether it had told the server to reload is not known; one reload more costs nothing.
    await putBack(host, record, { reason, reloadPending: running?.version === record.from });
    request.onEvent({ type: 'recovered', version: record.from, how: 'putBack' });
  }
}

/**
 * Throws UPGRADE_FAILED or INTERRUPTED (then the version before serves and changes are taken again), UPGRADE_NOT_PUT_BACK,
 * UPGRADING_LEASE_HELD, and before anything is done SERVER_UNREACHABLE.
 */
export async function upgradeServer(host: UpgradeHost, request: UpgradeRequest): Promise<UpgradeOutcome> {
  const { builds, server } = host;
  const { target, signal } = request;
  await recover(host, request);
  const to = target.kind === 'version' ? target.version : await readArchiveVersion(target, signal);
  const before = await server.info(signal);
  const from = before.version;
  if (from === to && (await builds.current()) === to) return { kind: 'nothingToDo', version: to };
  await assertStartedThrough(`${builds.directory}/current`, before.pid);
  if (!(await builds.has(from))) {
    throw new TakoError('UPGRADE_FAILED', `the running version ${from} is not in ${builds.directory}`, {
      hint: 'there would be no way back: install it once with packaging/install.sh',
    });
  }
  const healthyBefore = [...(await server.healthyApps(signal))];
  const record = await beginUpgradeRecord(builds.directory, {
    owner: request.owner,
    from,
    to,
    healthyBefore,
  });
  // What cannot be removed now is removed by the next one.
  await builds.sweep(new Set([from, to])).catch(() => undefined);
  const after = await new Upgrade(host, request, record).run(before);
  await endUpgradeRecord(builds.directory);
  await builds.sweep(new Set([from, to])).catch(() => undefined);
  return { kind: 'upgraded', from, to, pid: after.pid };
}
