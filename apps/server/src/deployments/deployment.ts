// One app in one environment on this server: owns its slots and members, keeps them running, tells the data
// plane. What should run is changed by rollouts only (deployment-operations.ts).
import type { DeploymentView } from '@tako/proxy';
import type { DeploymentRecord, InstanceRecord } from '@tako/store';
import type { InstanceEvent, OutputLine, PartialLines, StartFailure, StartResult } from '@tako/supervisor';
import type { Manifest } from '@tako/config';
import type { Log } from '../log.ts';
import type { RolloutTeam } from '../rollout/roll-out.ts';
import { deploymentView } from '../snapshot/deployment-view.ts';
import type { SnapshotPublisher } from '../snapshot/snapshot-publisher.ts';
import type { Drainer, DrainReport } from '../traffic/drainer.ts';
import type { Build } from './build.ts';
import type { InstanceStarter, StartRequest } from './instance-starter.ts';
import type { Member } from './member.ts';
import { Slot } from './slot.ts';
import type { MemberStart, SlotTeam } from './slot.ts';
import type { StartOutput } from './start-output.ts';
import { createStartOutput } from './start-output.ts';

export interface DeploymentDeps {
  readonly starter: InstanceStarter;
  readonly publisher: SnapshotPublisher;
  readonly drainer: Drainer;
  readonly appLog: { write(line: OutputLine, instance: string, version: string): void };
  /** Keeps the output of a build that never got healthy. */
  readonly keepStartOutput: (version: string, lines: StartOutput) => void;
  readonly pause: { readonly get: () => number | null; readonly set: (maxMs: number | null) => void };
  readonly releasePort: (port: number, acknowledged: Promise<void>) => void;
  readonly recordError: (code: string, message: string) => void;
  readonly event: (type: string, facts: Record<string, string | number | boolean | null>) => void;
  readonly log: Log;
}

export class Deployment implements RolloutTeam, SlotTeam {
  readonly id: string;
  record: DeploymentRecord;
  /** Of the current release; of the one being proven before there is a current one. */
  manifest: Manifest;
  readonly #deps: DeploymentDeps;
  readonly #members = new Map<string, Member>();
  /** What members said that were not proven yet. */
  readonly #startOutputs = new WeakMap<Member, StartOutput>();
  #slots: Slot[] = [];
  #removed = false;
  /** When members died by themselves, the last minute's only. */
  #lostAt: number[] = [];

  constructor(record: DeploymentRecord, manifest: Manifest, deps: DeploymentDeps) {
    this.id = record.id;
    this.record = record;
    this.manifest = manifest;
    this.#deps = deps;
  }

  /** How long a request is held while the operator pauses the app; null: it is not paused. Outlives this daemon. */
  get pausedForMs(): number | null {
    return this.#deps.pause.get();
  }

  set pausedForMs(maxMs: number | null) {
    this.#deps.pause.set(maxMs);
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get view(): DeploymentView {
    const pause = this.pausedForMs === null ? null : { maxMs: this.pausedForMs };
    return deploymentView({
      record: this.record,
      manifest: this.manifest,
      members: this.members.map((member) => member.view),
      pause,
    });
  }

  get crashLoop(): boolean {
    return this.#slots.some((slot) => slot.crashLoop && slot.member === null);
  }

  get restartsLastMinute(): number {
    const since = Date.now() - 60_000;
    this.#lostAt = this.#lostAt.filter((at) => at >= since);
    return this.#lostAt.length;
  }

  addSlot(build: Build): Slot {
    const slot = new Slot(build, this);
    this.#slots.push(slot);
    return slot;
  }

  removeSlot(slot: Slot): void {
    this.#slots = this.#slots.filter((other) => other !== slot);
  }

  publish(): number {
    return this.#removed ? this.#deps.publisher.version : this.#deps.publisher.publish([this.view]);
  }

  publishAcknowledged(): Promise<void> {
    return this.#deps.publisher.acknowledged(this.publish());
  }

  /** Leaves the data plane; whatever still runs is not published any more. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.#deps.publisher.acknowledged(this.#deps.publisher.publish([], [this.id]));
  }

  async startMember(build: Build, signal: AbortSignal): Promise<MemberStart> {
    const output = createStartOutput();
    let member: Member;
    try {
      member = await this.#deps.starter.start(this.#request(build, (line) => output.add(line)));
    } catch (error) {
      // Nothing was spawned: a missing runtime, a folder that cannot be made, secrets that cannot be opened.
      this.#deps.log.error(
        { err: error, app: this.id, release: build.version },
        'instance could not be spawned',
      );
      return { kind: 'failed', failure: spawnFailure(error) };
    }
    this.#members.set(member.id, member);
    this.#startOutputs.set(member, output);
    const abort = (): void => void member.instance.stop('start given up', 0);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const started = await member.instance.whenStarted;
    signal.removeEventListener('abort', abort);
    if (started.kind === 'healthy') return { kind: 'healthy', member };
    await this.discard(member, 'did not start');
    return { kind: 'failed', failure: started.failure };
  }

  /** Takes an instance that runs already into a slot of its own; in rotation as soon as it answers a probe. */
  adopt(build: Build, record: InstanceRecord, partial: PartialLines): void {
    const member = this.#deps.starter.adopt(
      this.#request(build, () => undefined),
      record,
      partial,
    );
    this.#members.set(member.id, member);
    this.addSlot(build).install(member);
  }

  #request(build: Build, onLine: (line: OutputLine) => void): StartRequest {
    return {
      deploymentId: this.id,
      build,
      firstRoute: this.record.routes[0] ?? null,
      hooks: (known) => ({
        onEvent: (event) => this.#onEvent(known(), event),
        onOutput: (line) => {
          if (!known().inRotation) onLine(line);
          this.#deps.appLog.write(line, known().id, build.version);
        },
      }),
    };
  }

  stable(member: Member, durationMs: number, signal: AbortSignal): Promise<StartResult> {
    return member.instance.stable(durationMs, signal);
  }

  async retire(member: Member, reason: string): Promise<DrainReport> {
    member.retiring = true;
    member.instance.retire(reason);
    await this.publishAcknowledged();
    const report = await this.#deps.drainer.drain(
      member.id,
      member.build.manifest.rollout.drain_timeout_s * 1000,
    );
    await member.instance.stop(reason);
    this.#forget(member);
    this.#deps.log.info({ app: this.id, instance: member.id, reason, ...report }, 'instance retired');
    return report;
  }

  async discard(member: Member, reason: string): Promise<void> {
    await member.instance.stop(reason);
    this.#forget(member);
    const output = this.#startOutputs.get(member);
    if (output !== undefined && !member.inRotation) this.#deps.keepStartOutput(member.build.version, output);
  }

  onRepairFailed(failure: StartFailure): void {
    this.#deps.recordError('INSTANCE_START_FAILED', failure.reason);
  }

  onCrashLoop(): void {
    this.#deps.event('deployment.crash_loop', {});
    this.#deps.log.error({ app: this.id }, 'deployment entered a crash loop');
  }

  /** Everything at once, without drain: the daemon stops, or the app is deleted after its drain. */
  async stopAll(reason: string): Promise<void> {
    for (const slot of this.#slots) slot.cancelRepair();
    await Promise.all(this.members.map((member) => member.instance.stop(reason)));
  }

  /** What serves goes on without us; what was still starting is stopped: the next daemon starts it anew. */
  async letGo(): Promise<ReadonlyMap<string, PartialLines>> {
    this.#removed = true;
    const partials = new Map<string, PartialLines>();
    await Promise.all(
      this.members.map(async (member) => {
        if (member.inRotation && member.instance.port !== null)
          partials.set(member.id, await member.instance.detach());
        else await member.instance.stop('handed over while it started', 0);
      }),
    );
    return partials;
  }

  #onEvent(member: Member, event: InstanceEvent): void {
    const changed = member.apply(event);
    if (event.type === 'stateChanged') {
      this.#deps.event('instance.stateChanged', {
        instance: member.id,
        version: member.build.version,
        from: event.from,
        to: event.to,
        reason: event.reason,
      });
      this.#deps.log.info(
        {
          app: this.id,
          instance: member.id,
          release: member.build.version,
          from: event.from,
          to: event.to,
          reason: event.reason,
        },
        'instance changed state',
      );
    }
    if (event.type === 'exited') return this.#exited(member, event.outcome.expected);
    if (changed && member.inRotation) this.publish();
  }

  #exited(member: Member, expected: boolean): void {
    const served = member.inRotation;
    this.#forget(member);
    if (expected || !served) return;
    const slot = this.#slots.find((candidate) => candidate.member === member);
    this.#lostAt.push(Date.now());
    slot?.lost(member);
  }

  #forget(member: Member): void {
    if (!this.#members.delete(member.id)) return;
    const version = this.publish();
    const port = member.instance.port;
    if (member.instance.spec.readiness.kind === 'http' && port !== null) {
      this.#deps.releasePort(port, this.#deps.publisher.acknowledged(version));
    }
  }
}

function spawnFailure(error: unknown): StartFailure {
  const reason = error instanceof Error ? error.message : String(error);
  return { phase: 'spawn', reason, outcome: null, probe: null, listening: null, lastLines: [] };
}
