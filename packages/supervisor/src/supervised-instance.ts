// The one owner of an instance's state: joins its process, output, start, health and end, and tells its hooks. Knows
// nothing of deployments: replacing what exits is their business.
import {
  reasonOfInstability,
  reasonOfInterruptedStart,
  reasonOfNoProcess,
  reasonOfFailedProbes,
} from './failure-reason.ts';
import { HealthMonitor, type HealthReport } from './health-monitor.ts';
import { InstanceOutput } from './instance-output.ts';
import type { InstanceSpec } from './instance-spec.ts';
import type {
  ExitOutcome,
  Instance,
  InstanceHooks,
  InstanceState,
  PartialLines,
  ProbeResult,
  ProcessIdentity,
  StartResult,
} from './instance.types.ts';
import { limits } from './limits.ts';
import { watchMemory } from './memory-watch.ts';
import { removeFifos } from './output-fifos.ts';
import { probe } from './probe.ts';
import { type LeaderEnd, ProcessEnd } from './process-end.ts';
import { residentBytesOfTree } from './process-members.ts';
import { type EvidenceSources, gatherFailure, isPortForeign } from './start-evidence.ts';
import { describeProbe, runStartSequence } from './start-sequence.ts';
import { StateOwner } from './state-owner.ts';
import type { Beginning, SupervisedProcess } from './supervised-process.ts';

export class SupervisedInstance implements Instance {
  readonly spec: InstanceSpec;
  readonly startedAt: number;
  readonly whenStarted: Promise<StartResult>;
  readonly whenExited: Promise<ExitOutcome>;
  readonly #states: StateOwner;
  readonly #started = Promise.withResolvers<StartResult>();
  readonly #exited = Promise.withResolvers<ExitOutcome>();
  /** Ends with rotation: start, probes, suspicions. */
  readonly #serving = new AbortController();
  /** Ends with the last process: nothing of the instance outlives it. */
  readonly #life = new AbortController();
  /** Whether there is a process is known. */
  readonly #begun = Promise.withResolvers<void>();
  /** Marks its children too; null when the environment does not carry it. */
  readonly #environmentEntry: string | null;
  readonly #output: InstanceOutput;
  readonly #monitor: HealthMonitor;
  #process: SupervisedProcess | null = null;
  #port: number | null = null;
  #lastProbe: ProbeResult | null = null;
  #outcome: ExitOutcome | null = null;
  #end: ProcessEnd | null = null;
  #stopReason: string | null = null;
  /** Why it was killed although nobody asked for a stop. */
  #deathReason: string | null = null;

  constructor(spec: InstanceSpec, hooks: InstanceHooks, beginning: Beginning) {
    this.spec = spec;
    this.startedAt = beginning.startedAt;
    this.#states = new StateOwner(hooks.onEvent);
    this.whenStarted = this.#started.promise;
    this.whenExited = this.#exited.promise;
    this.#environmentEntry =
      spec.environment['TAKO_INSTANCE'] === spec.id ? `TAKO_INSTANCE=${spec.id}` : null;
    this.#output = new InstanceOutput({
      onLine: hooks.onOutput,
      saidReady: beginning.port !== null,
      partial: beginning.partial,
    });
    this.#monitor = new HealthMonitor({
      intervalMs: spec.probe.intervalMs,
      probe: () => this.#probe(this.#port ?? 0, spec.probe.timeoutMs),
      onReport: (report) => this.#onHealth(report),
      signal: this.#serving.signal,
    });
    void this.#live(beginning);
  }

  get state(): InstanceState {
    return this.#states.current;
  }
  get identity(): ProcessIdentity | null {
    return this.#process?.identity ?? null;
  }
  get port(): number | null {
    return this.#port;
  }
  get lastProbe(): ProbeResult | null {
    return this.#lastProbe;
  }

  async stable(durationMs: number, signal: AbortSignal): Promise<StartResult> {
    if (
      this.#states.current === 'healthy' &&
      (await this.#states.stability.wait(durationMs, signal)) === 'stable'
    )
      return { kind: 'healthy' };
    const kind = this.#lastProbe?.error?.kind;
    // The better evidence is how it ended, not that a probe was cut off by it.
    if (kind === 'refused' || kind === 'reset') await this.#end?.awaitLikelyEnd();
    const reason = reasonOfInstability(this.#evidence(), signal.aborted);
    return { kind: 'failed', failure: await gatherFailure('stability', reason, this.#evidence()) };
  }

  suspect(_reason: string): void {
    // Out of rotation it is probed anyway; a burst of refused requests must not count as five failures in a row.
    if (this.#states.current === 'healthy') this.#monitor.suspect();
  }

  retire(reason: string): void {
    if (!this.#states.isSilent && this.#states.can('retired')) this.#states.move('retired', reason);
    this.#serving.abort();
  }

  stop(reason: string, graceMs: number = this.spec.stopGraceMs): Promise<ExitOutcome> {
    if (this.#states.isSilent)
      return Promise.reject(new Error(`assertion failed: instance ${this.spec.id} was detached`));
    if (this.#outcome === null) this.#stopReason ??= reason;
    this.retire(reason);
    this.#end?.terminate(graceMs);
    return this.whenExited;
  }

  async detach(): Promise<PartialLines> {
    this.#states.silence();
    this.#stopReason ??= 'it was handed over';
    this.#serving.abort();
    this.#life.abort();
    await this.#begun.promise;
    this.#process?.release();
    return this.#output.detach();
  }

  memoryBytes(): Promise<number | null> {
    return Promise.resolve(this.#process === null ? null : residentBytesOfTree(this.#process.identity));
  }

  async #live({ origin, port }: Beginning): Promise<void> {
    let process: SupervisedProcess;
    try {
      process = await origin(this.#output, this.#serving.signal);
    } catch (error) {
      this.#begun.resolve();
      await this.#onNeverSpawned(error);
      return;
    }
    const end = new ProcessEnd(process, this.#environmentEntry);
    this.#process = process;
    this.#end = end;
    this.#begun.resolve();
    void end.whenLeaderEnded.then((ending) => this.#onLeaderEnded(end, ending));
    this.#states.tell({ type: 'spawned', identity: process.identity });
    this.#limitMemory(process.identity);
    await this.#start(port);
  }

  async #start(knownPort: number | null): Promise<void> {
    const result = await runStartSequence({
      spec: this.spec,
      knownPort,
      whenSaidReady: this.#output.whenSaidReady,
      probe: this.#probe,
      isPortOfOthers: (port) => isPortForeign(port, this.#evidence()),
      onReady: (port) => {
        this.#port = port;
        this.#states.move('becameReady', `ready on port ${port}`);
      },
      onProbe: (probed) => this.#onStartProbe(probed),
      signal: this.#serving.signal,
    });
    if (result.kind === 'healthy') {
      this.#states.move('passedProbe', 'the first probe passed');
      this.#monitor.start();
      this.#started.resolve({ kind: 'healthy' });
      return;
    }
    const reason =
      result.kind === 'failed' ? result.reason : reasonOfInterruptedStart(result.phase, this.#evidence());
    const failure = await gatherFailure(result.phase, reason, this.#evidence());
    this.#started.resolve({ kind: 'failed', failure });
    if (result.kind === 'failed' && !this.#states.isSilent) void this.stop(`the start failed: it ${reason}`);
  }

  #evidence(): EvidenceSources {
    return {
      spec: this.spec,
      output: this.#output,
      identity: this.identity,
      environmentEntry: this.#environmentEntry,
      port: this.#port,
      state: this.#states.current,
      outcome: this.#outcome,
      deathReason: this.#deathReason,
      stopReason: this.#stopReason,
      lastProbe: this.#lastProbe,
    };
  }

  readonly #probe = (port: number, timeoutMs: number): Promise<ProbeResult> =>
    probe({ port, spec: { ...this.spec.probe, timeoutMs }, signal: this.#serving.signal });

  #onStartProbe(result: ProbeResult): void {
    this.#lastProbe = result;
    this.#states.tell({
      type: 'probed',
      result,
      failuresInARow: result.ok ? 0 : 1,
      timeoutsOnly: result.error?.kind === 'timeout',
    });
  }

  #onHealth({ result, failuresInARow, timeoutsOnly }: HealthReport): void {
    this.#lastProbe = result;
    const { unhealthyAfter, deadAfter } = this.spec.probe;
    if (result.ok && this.#states.current === 'unhealthy') this.#states.move('passedProbe', 'a probe passed');
    if (failuresInARow >= unhealthyAfter && this.#states.current === 'healthy')
      this.#states.move('failedProbes', describeProbe(result, this.spec));
    this.#states.tell({ type: 'probed', result, failuresInARow, timeoutsOnly });
    if (failuresInARow >= deadAfter) this.#die(reasonOfFailedProbes(failuresInARow, this.#evidence()), 0);
  }

  #limitMemory(identity: ProcessIdentity): void {
    const bytesMax = this.spec.limits.memoryBytes;
    if (bytesMax === undefined) return;
    const onExceeded = (reason: string): void => this.#die(reason, limits.memoryGraceMs);
    void watchMemory({ identity, bytesMax, onExceeded, signal: this.#life.signal });
  }

  /** Ended by us without anybody asking for a stop, so its owner will replace it. */
  #die(reason: string, graceMs: number): void {
    if (this.#outcome !== null) return;
    this.#deathReason ??= reason;
    this.retire(reason);
    this.#end?.terminate(graceMs);
  }

  async #onNeverSpawned(error: unknown): Promise<void> {
    const reason = reasonOfNoProcess(error, this.#evidence());
    const outcome = { exitCode: null, signal: null, expected: this.#stopReason !== null, reason };
    await this.#output.finish();
    this.#started.resolve({
      kind: 'failed',
      failure: await gatherFailure('spawn', reason, this.#evidence()),
    });
    await this.#conclude(outcome);
  }

  /** The state follows at once, so that it leaves rotation; the rest of the group and of the output may take longer. */
  async #onLeaderEnded(end: ProcessEnd, { exitCode, signal, reason }: LeaderEnd): Promise<void> {
    if (this.#states.isSilent) return;
    const expected = this.#stopReason !== null && this.#deathReason === null;
    const outcome = { exitCode, signal, expected, reason: this.#deathReason ?? reason };
    this.#outcome = outcome;
    if (this.#states.current !== 'draining') this.#states.move('exited', outcome.reason);
    this.#serving.abort();
    await end.outlastChildren();
    await this.#output.finish();
    await this.#conclude(outcome);
  }

  async #conclude(outcome: ExitOutcome): Promise<void> {
    this.#life.abort();
    await removeFifos(this.spec.runDir);
    if (this.#states.current !== 'stopped') this.#states.move('exited', outcome.reason);
    this.#serving.abort();
    this.#states.tell({ type: 'exited', outcome });
    this.#exited.resolve(outcome);
  }
}
