// A small, real ManagementService in memory, for the tests of router and client: locks with tokens, deployments with
// instances, rollouts that report their steps, logs that can be followed. Knows no process and no disk.
import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import { TakoError } from '@tako/config';
import type { ManagementService } from '../management-service.ts';
import { PROTOCOL_VERSION } from '../protocol-version.ts';
import type { LogEvent } from '../schemas/operations.ts';
import type { RolloutEvent, RolloutKind } from '../schemas/rollout.ts';
import type { AuditEntry, CertificateStatus, ServerIdentity } from '../schemas/status.ts';
import { createMemoryLocks } from './memory-locks.ts';
import { deploymentStatus, identity, releaseSummary, type MemoryDeployment } from './memory-status.ts';

export interface MemoryService extends ManagementService {
  /** Writes a line of an app's output: into the history, and to followers. */
  write(deploymentId: string, text: string): void;
  /** Callers and procedures so far. */
  readonly calls: readonly AuditEntry[];
}

export interface MemoryOptions {
  readonly lockTtlMs?: number;
  readonly overrides?: Partial<ManagementService>;
}

/** Every deployment id exists, with one instance of `v1`, except `missing`. */
export function createMemoryService({
  lockTtlMs = 30_000,
  overrides = {},
}: MemoryOptions = {}): MemoryService {
  const deployments = new Map<string, MemoryDeployment>();
  const { procedures, assertHeld } = createMemoryLocks(lockTtlMs);
  const rollouts = new Map<string, RolloutEvent[]>();
  const certificates = new Map<string, CertificateStatus>();
  const calls: AuditEntry[] = [];
  const output = new EventEmitter();

  function deployment(id: string): MemoryDeployment {
    if (id === 'missing') throw new TakoError('APP_NOT_FOUND', `the server knows no deployment ${id}`);
    const known = deployments.get(id) ?? {
      id,
      version: 'v1',
      instances: 1,
      secrets: {},
      lines: [],
      releases: ['v1'],
      routes: [],
    };
    deployments.set(id, known);
    return known;
  }
  function note(caller: string, procedure: string, deploymentId: string | null): void {
    const id = calls.length + 1;
    calls.push({
      id,
      at: Date.now(),
      caller,
      procedure,
      deploymentId,
      outcome: 'ok',
      code: null,
      detail: null,
      durationMs: 0,
    });
  }
  async function* roll(
    kind: RolloutKind,
    id: string,
    change: (app: MemoryDeployment) => void,
  ): AsyncGenerator<RolloutEvent> {
    const app = deployment(id);
    const from = app.version;
    change(app);
    const rolloutId = randomUUID();
    const at = Date.now();
    const events: RolloutEvent[] = [
      { type: 'started', rolloutId, kind, from, to: app.version, steps: 1, at },
      {
        type: 'step',
        index: 1,
        of: 1,
        instance: `${id.split('@')[0]}-1`,
        version: app.version,
        state: 'healthy',
        at,
      },
      {
        type: 'deployed',
        rolloutId,
        version: app.version,
        urls: app.routes.map((route) => `https://${route}`),
        instances: app.instances,
        endedStreams: 0,
        cutConnections: 0,
        durationMs: Date.now() - at,
      },
    ];
    rollouts.set(rolloutId, events);
    yield* events;
  }

  async function* follow(id: string, signal: AbortSignal): AsyncGenerator<LogEvent> {
    for await (const [event] of on(output, id, { signal })) yield event as LogEvent;
  }

  const service: MemoryService = {
    calls,
    write(id, text) {
      const event: LogEvent = {
        type: 'entry',
        position: deployment(id).lines.length + 1,
        at: Date.now(),
        stream: 'stdout',
        instance: 'i1',
        version: 'v1',
        text,
      };
      deployment(id).lines.push(event);
      output.emit(id, event);
    },
    serverInfo: (): Promise<ServerIdentity> => Promise.resolve(identity(PROTOCOL_VERSION)),
    ...procedures,
    preflight: async () => ({ problems: [] }),
    async *prepareRelease(input) {
      assertHeld(input);
      yield { type: 'phase', phase: 'extract', at: Date.now() };
      deployment(input.deploymentId).releases.push(input.version);
      yield { type: 'prepared', version: input.version, existing: false, durationMs: 1 };
    },
    async *runReleaseCommand(input) {
      assertHeld(input);
      yield { type: 'output', stream: 'stdout', text: 'migrated' };
      yield { type: 'exited', exitCode: 0, signal: null, timedOut: false, durationMs: 1 };
    },
    async *deploy(input) {
      assertHeld(input);
      yield* roll('deploy', input.deploymentId, (app) => {
        app.version = input.version;
        app.routes = [...input.routes];
        app.secrets = input.secrets ?? app.secrets;
      });
    },
    async *rollout({ rolloutId }) {
      const events = rollouts.get(rolloutId);
      if (events === undefined)
        throw new TakoError('ROLLOUT_NOT_FOUND', `the server knows no rollout ${rolloutId}`);
      yield* events;
    },
    async revertRollout({ rolloutId }) {
      if (!rollouts.has(rolloutId))
        throw new TakoError('ROLLOUT_NOT_FOUND', `the server knows no rollout ${rolloutId}`);
      throw new TakoError('ROLLOUT_FINISHED', `rollout ${rolloutId} has finished`);
    },
    async *rollback(input) {
      assertHeld(input);
      yield* roll('rollback', input.deploymentId, (app) => {
        app.version = input.version ?? app.version;
      });
    },
    async *scale(input) {
      assertHeld(input);
      yield* roll('scale', input.deploymentId, (app) => {
        app.instances = input.instances;
      });
    },
    async *restart(input) {
      assertHeld(input);
      yield* roll('restart', input.deploymentId, () => undefined);
    },
    async *stop(input) {
      assertHeld(input);
      yield* roll('stop', input.deploymentId, (app) => {
        app.instances = 0;
      });
    },
    async *start(input) {
      assertHeld(input);
      yield* roll('start', input.deploymentId, (app) => {
        app.instances = 1;
      });
    },
    async *delete(input) {
      assertHeld(input);
      yield* roll('delete', input.deploymentId, (app) => deployments.delete(app.id));
    },
    async *updateSecrets(input) {
      assertHeld(input);
      yield* roll('secrets', input.deploymentId, (app) => {
        app.secrets = input.secrets;
      });
    },
    secretsDigest: async ({ deploymentId }) => ({
      digest: '0'.repeat(64),
      names: Object.keys(deployment(deploymentId).secrets),
    }),
    async status({ deploymentId }, { caller }) {
      note(caller, 'status', deploymentId ?? null);
      const apps = deploymentId === undefined ? [...deployments.values()] : [deployment(deploymentId)];
      return { server: identity(PROTOCOL_VERSION), deployments: apps.map(deploymentStatus) };
    },
    list: async () =>
      [...deployments.values()].map((app) => ({
        deploymentId: app.id,
        app: app.id,
        env: 'production',
        version: app.version,
        instancesWanted: app.instances,
      })),
    routes: async () =>
      [...deployments.values()].flatMap((app) =>
        app.routes.map((route) => ({ route, deploymentId: app.id })),
      ),
    releases: async ({ deploymentId }) => deployment(deploymentId).releases.map(releaseSummary),
    certificates: async () => [...certificates.values()],
    audit: async ({ limit }) => calls.slice(-limit),
    async addCertificate({ certificate }) {
      if (!certificate.startsWith('-----BEGIN CERTIFICATE-----')) {
        throw new TakoError('CERTIFICATE_INVALID', 'the certificate is no PEM');
      }
      const added: CertificateStatus = {
        names: ['example.com'],
        source: 'custom',
        state: 'valid',
        issuer: null,
        notAfter: null,
        lastError: null,
        nextTryAt: null,
      };
      certificates.set('example.com', added);
      return added;
    },
    async removeCertificate({ name }) {
      if (!certificates.delete(name))
        throw new TakoError('CERTIFICATE_NOT_FOUND', `there is no certificate of ${name}`);
    },
    async *logs({ deploymentId, lines, after, follow: following }, { signal }) {
      const all = deployment(deploymentId).lines;
      yield* after === undefined
        ? all.slice(lines === 0 ? Infinity : -lines)
        : all.filter(({ position }) => position > after);
      if (!following) return;
      yield { type: 'following', position: all.at(-1)?.position ?? 0 };
      yield* follow(deploymentId, signal);
    },
    async *releaseLog({ deploymentId }) {
      yield* deployment(deploymentId).lines;
    },
    async *events(_input, { signal }) {
      yield { at: Date.now(), type: 'server.started', deploymentId: null, facts: {} };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    enterUpgrading: async ({ owner }) => ({ owner, expiresAt: Date.now() + 600_000 }),
    exitUpgrading: async () => undefined,
    putChallenge: async () => undefined,
    pause: async (input) => assertHeld(input),
    resume: async (input) => assertHeld(input),
    maintenance: async (input) => assertHeld(input),
    cordon: async () => undefined,
    uncordon: async () => undefined,
  };
  return Object.assign(service, overrides);
}
