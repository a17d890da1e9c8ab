// Turns a build into a running process: its spec from the manifest, its port, its secrets, its record in the
// store. Decides nothing about when or how many.
import { randomBytes } from 'node:crypto';
import { mkdir, chown } from 'node:fs/promises';
import path from 'node:path';
import type { Manifest } from '@tako/config';
import type { InstanceRecord, InstanceRepository } from '@tako/store';
import { adoptInstance, startInstance } from '@tako/supervisor';
import type {
  Instance,
  InstanceHooks,
  InstanceSpec,
  PartialLines,
  ProbeSpec,
  ProcessIdentity,
  Readiness,
  RunAs,
} from '@tako/supervisor';
import type { Build } from './build.ts';
import { Member } from './member.ts';

/** What to run for a release: absolute argv and what the runtime adds to the environment. */
export interface RuntimeCommand {
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

export interface InstanceStarterDeps {
  readonly dataDir: string;
  readonly runDir: string;
  readonly instances: InstanceRepository;
  readonly ports: { reserve(): Promise<number>; occupy(port: number): void };
  readonly resolveCommand: (manifest: Manifest, releaseDir: string) => Promise<RuntimeCommand>;
  readonly secrets: (
    deploymentId: string,
    which: 'current' | 'staged',
  ) => Promise<Readonly<Record<string, string>>>;
  readonly instanceToken: (instanceId: string) => string;
  readonly runAs: (deploymentId: string) => RunAs | null;
}

export interface StartRequest {
  readonly deploymentId: string;
  readonly build: Build;
  /** The app's first route: the Host of probes without the SDK. */
  readonly firstRoute: string | null;
  readonly hooks: (member: () => Member) => InstanceHooks;
}

const probeStartIntervalMs = 100;

function probeSpec(manifest: Manifest, token: string, firstRoute: string | null): ProbeSpec {
  const sdk = manifest.readiness === 'sdk';
  const host = firstRoute?.split('/')[0]?.replace(/^\*\./, 'www.');
  return {
    protocol: manifest.upstream_protocol,
    path: manifest.health_path,
    hostHeader: sdk ? 'tako-internal' : (host ?? 'localhost'),
    token: sdk ? token : null,
    startIntervalMs: probeStartIntervalMs,
    intervalMs: manifest.health.interval_s * 1000,
    timeoutMs: manifest.health.timeout_s * 1000,
    unhealthyAfter: manifest.health.unhealthy_after,
    deadAfter: manifest.health.dead_after,
  };
}

/** A clean environment: these and nothing of the daemon's own (spec 40, Spawn). */
function environmentOf(
  id: string,
  request: StartRequest,
  home: string,
  command: RuntimeCommand,
): Record<string, string> {
  const { manifest } = request.build;
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...command.environment,
    ...manifest.env_vars,
    TAKO_APP: manifest.app,
    TAKO_ENV: manifest.env,
    TAKO_VERSION: request.build.version,
    TAKO_INSTANCE: id,
  };
}

export class InstanceStarter {
  readonly #deps: InstanceStarterDeps;

  constructor(deps: InstanceStarterDeps) {
    this.#deps = deps;
  }

  releaseDir(deploymentId: string, version: string): string {
    return path.join(this.#deps.dataDir, 'apps', deploymentId, 'releases', version);
  }

  /** Spawns; the caller waits for `instance.whenStarted`. Throws RUNTIME_*, SECRETS_* and file-system errors before a spawn. */
  async start(request: StartRequest): Promise<Member> {
    const { deploymentId, build } = request;
    const { manifest } = build;
    const id = `${deploymentId.replace('@', '-')}-${randomBytes(4).toString('hex')}`;
    const runAs = this.#deps.runAs(deploymentId);
    const command = await this.#deps.resolveCommand(manifest, this.releaseDir(deploymentId, build.version));
    const secrets = await this.#deps.secrets(deploymentId, build.secrets);
    const exposed = manifest.secrets_expose === 'env' ? secrets : {};
    const home = await this.#home(deploymentId, runAs);
    const environment = { ...environmentOf(id, request, home, command), ...exposed };
    const readiness = await this.#readiness(manifest);
    const spec = this.#spec(id, request, { argv: command.argv, environment, readiness, secrets });
    return this.#join(spec, request, (hooks) => startInstance(spec, hooks));
  }

  /** Takes over an instance of an earlier daemon, or of this one before a handoff that failed. */
  adopt(request: StartRequest, record: InstanceRecord, partial: PartialLines): Member {
    const timeoutMs = request.build.manifest.rollout.ready_timeout_s * 1000;
    const sdk = request.build.manifest.readiness === 'sdk';
    const readiness: Readiness =
      sdk || record.port === null
        ? { kind: 'sdk', timeoutMs }
        : { kind: 'http', port: record.port, timeoutMs };
    if (readiness.kind === 'http') this.#deps.ports.occupy(readiness.port);
    // It runs already: what it was started with is not asked again, but its mark and its probes are.
    const environment = { TAKO_INSTANCE: record.id };
    const spec = this.#spec(record.id, request, { argv: ['(adopted)'], environment, readiness, secrets: {} });
    const { pid, startTimeTicks, bootId, port, startedAt } = record;
    return this.#join(spec, request, (hooks) =>
      adoptInstance({ identity: { pid, startTimeTicks, bootId }, port, startedAt, partial }, spec, hooks),
    );
  }

  #spec(
    id: string,
    { deploymentId, build, firstRoute }: StartRequest,
    run: {
      argv: InstanceSpec['argv'];
      environment: Record<string, string>;
      readiness: Readiness;
      secrets: Readonly<Record<string, string>>;
    },
  ): InstanceSpec {
    const { manifest } = build;
    const token = this.#deps.instanceToken(id);
    return {
      id,
      deploymentId,
      version: build.version,
      argv: run.argv,
      cwd: path.join(this.releaseDir(deploymentId, build.version), manifest.app_dir),
      environment: run.environment,
      runAs: this.#deps.runAs(deploymentId),
      limits: limitsOf(manifest),
      readiness: run.readiness,
      healthTimeoutMs: manifest.rollout.health_timeout_s * 1000,
      probe: probeSpec(manifest, token, firstRoute),
      payload: { v: 1, token, secrets: run.secrets },
      runDir: path.join(this.#deps.runDir, 'instances', id),
      stopGraceMs: manifest.rollout.stop_grace_s * 1000,
    };
  }

  /** The hooks need the member, the member needs the instance: the events come after this function returned. */
  #join(spec: InstanceSpec, request: StartRequest, begin: (hooks: InstanceHooks) => Instance): Member {
    let member: Member | null = null;
    const known = (): Member => {
      if (member === null) throw new Error(`instance ${spec.id} spoke before it existed`);
      return member;
    };
    const hooks = request.hooks(known);
    const instance = begin({
      onOutput: hooks.onOutput,
      onEvent: (event) => {
        if (event.type === 'spawned') this.#record(spec, event.identity, null);
        if (event.type === 'stateChanged' && event.to === 'ready') this.#recordPort(known());
        if (event.type === 'exited') this.#deps.instances.delete(spec.id);
        hooks.onEvent(event);
      },
    });
    member = new Member(request.build, instance);
    return member;
  }

  /** Known from readiness on: a daemon that adopts the instance must know where it listens. */
  #recordPort({ instance }: Member): void {
    if (instance.identity !== null) this.#record(instance.spec, instance.identity, instance.port);
  }

  #record(spec: InstanceSpec, identity: ProcessIdentity, port: number | null): void {
    this.#deps.instances.put({
      id: spec.id,
      deploymentId: spec.deploymentId,
      version: spec.version,
      pid: identity.pid,
      startTimeTicks: identity.startTimeTicks,
      bootId: identity.bootId,
      port: port ?? (spec.readiness.kind === 'http' ? spec.readiness.port : null),
      runDir: spec.runDir,
      startedAt: Date.now(),
    });
  }

  async #readiness(manifest: Manifest): Promise<Readiness> {
    const timeoutMs = manifest.rollout.ready_timeout_s * 1000;
    return manifest.readiness === 'sdk'
      ? { kind: 'sdk', timeoutMs }
      : { kind: 'http', port: await this.#deps.ports.reserve(), timeoutMs };
  }

  /** `shared/data`: the app's own folder, which survives releases. */
  async #home(deploymentId: string, runAs: RunAs | null): Promise<string> {
    const home = path.join(this.#deps.dataDir, 'apps', deploymentId, 'shared', 'data');
    await mkdir(home, { recursive: true });
    if (runAs !== null) await chown(home, runAs.uid, runAs.gid);
    return home;
  }
}

function limitsOf(manifest: Manifest): InstanceSpec['limits'] {
  const { memory, pids } = manifest.limits;
  return { ...(memory === null ? {} : { memoryBytes: memory }), ...(pids === null ? {} : { pids }) };
}
