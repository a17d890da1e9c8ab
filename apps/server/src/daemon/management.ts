// Opens the management API of a daemon: the service from its parts, the handler, the socket.
import { createTrafficSwitches } from '../traffic/traffic-switches.ts';
import { manifestDigest } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { createManagementHandler, managementServerOptions, movedOn } from '@tako/protocol/server';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DepartureDeps } from '../deployments/departure.ts';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import { CallGuard, stoppingRefusal } from '../management/call-guard.ts';
import type { Audit } from '../management/call-guard.ts';
import { openManagementSocket } from '../management/management-socket.ts';
import type { ManagementSocket } from '../management/management-socket.ts';
import { UpgradingMode } from '../management/upgrading-mode.ts';
import { createServerIdentity } from '../management/server-identity.ts';
import { createManagementService } from '../management/service.ts';
import type { ServiceDeps } from '../management/service.ts';
import { runPreflight } from '../preflight/preflight.ts';
import { runReleaseCommand } from '../releases/release-command.ts';
import { listCertificates } from './certificates.ts';
import type { DaemonParts } from './daemon-parts.ts';
import { homeOf } from './daemon-spec.ts';
import type { DaemonState } from './daemon-end.ts';
import type { DaemonSpec } from './daemon-spec.ts';

export interface ManagementSpec {
  readonly parts: DaemonParts;
  readonly spec: DaemonSpec;
  readonly sockets: ListeningSockets;
  readonly control: ControlSockets;
  readonly startedAt: number;
  readonly state: Readonly<DaemonState>;
  /** Of this very process before a handoff that failed. */
  readonly kept: ManagementSocket | null;
}

/**
 * A change that comes while this daemon starts, or takes everything back after a handoff that failed, waits for the end
 * of that. One that comes while it hands over waits until that is decided; then it is made here, or the client is told to
 * make it at the successor. Before the audit: after it has let go this daemon writes nothing, not even a row.
 */
function auditOnceDecided(audit: AuditLog, state: ManagementSpec['state']): Audit {
  const decided = async (): Promise<void> => {
    await state.starting;
    if (state.handingOver !== null && (await state.handingOver)) throw movedOn();
  };
  return {
    call: async (facts, work) => {
      await decided();
      return audit.call(facts, work);
    },
    stream: async function* (facts, events) {
      await decided();
      yield* audit.stream(facts, events);
    },
  };
}

/** What comes before a rollout: checks, prepared releases, the release command. */
function releaseCalls(
  { parts, spec }: ManagementSpec,
  upgrading: UpgradingMode,
): Pick<ServiceDeps, 'preflight' | 'prepare' | 'runCommand' | 'secrets'> {
  const { releaseSide, store } = parts;
  const { dataDir } = spec.options;
  const customNames = (): string[] => releaseSide.certificates.customNames();
  return {
    preflight: (input) =>
      runPreflight(
        {
          dataDir,
          store,
          arch: process.arch,
          isUpgrading: () => upgrading.active,
          hasDnsProvider: spec.options.dnsProvider !== '',
          certificateNames: customNames,
        },
        input,
      ),
    prepare: (input, signal) =>
      releaseSide.preparer.prepare(input, { runAs: releaseSide.runAs(input.deploymentId), signal }),
    runCommand: ({ deploymentId, version, manifest, secrets }, signal) =>
      runReleaseCommand(
        { runtimes: releaseSide.runtimes, nowMs: Date.now },
        {
          deploymentId,
          manifest,
          secrets,
          releaseDir: releaseSide.releases.releaseDir(deploymentId, version),
          home: homeOf(dataDir, deploymentId),
          runAs: releaseSide.runAs(deploymentId),
        },
        signal,
      ),
    secrets: (id) => releaseSide.vault.read(id, 'current'),
  };
}

/** What `delete` takes with it, secrets first. */
function departureOf({ parts }: ManagementSpec): DepartureDeps {
  const { releaseSide, store, planes, deployments } = parts;
  return {
    store,
    deployments,
    removeFiles: async (id) => {
      await parts.appLogs.close(id);
      await releaseSide.vault.remove(id);
      await releaseSide.releases.remove(id);
    },
    forget: (id) => {
      parts.waker.forget(id);
      planes.activity.forgetDeployment(id);
      createTrafficSwitches(store.state).setPause(id, null);
      releaseSide.users.forget(id);
      parts.issuing.issuer?.refresh();
    },
  };
}

function identityOf(
  { parts, spec, sockets, control, startedAt, state }: ManagementSpec,
  upgrading: UpgradingMode,
): () => ServerIdentity {
  const identify = createServerIdentity();
  const ports = {
    http: sockets.addresses('http'),
    https: sockets.addresses('https'),
    metrics: control.addresses('metrics'),
  };
  const mode = (): ServerIdentity['mode'] => {
    if (state.stopping) return 'stopping';
    return upgrading.active ? 'upgrading' : 'normal';
  };
  return () =>
    identify({
      version: spec.version,
      startedAt,
      dataDir: spec.options.dataDir,
      mode: mode(),
      lastReload: state.lastReload,
      workers: parts.planes.workers,
      ports,
      acme: spec.options.acme,
      standby: spec.options.standby,
    });
}

function certificatesOf(parts: DaemonParts): ServiceDeps['certificates'] {
  const { certificates } = parts.releaseSide;
  return {
    add: (input) => certificates.add(input),
    remove: (name) => certificates.remove(name),
    list: () => listCertificates(parts),
  };
}

/** Without an issuer only HTTP-01 answers are stored, put there by somebody else. */
async function showChallenges({ issuing, planes, store }: DaemonParts): Promise<void> {
  if (issuing.issuer !== null) return issuing.issuer.showChallenges();
  const { publisher } = planes;
  const answers = store.challenges.list().filter((challenge) => challenge.kind === 'http-01');
  return publisher.acknowledged(publisher.publishChallenges(answers));
}

/** The socket, and the guard that knows which changes are under way. */
export interface OpenManagement {
  readonly socket: ManagementSocket;
  readonly guard: CallGuard;
}

export async function openManagement(given: ManagementSpec): Promise<OpenManagement> {
  const { parts, spec, state } = given;
  const { releaseSide, store, planes, deployments } = parts;
  const upgrading = new UpgradingMode(store.leases);
  const audit = auditOnceDecided(releaseSide.audit, state);
  const guard = new CallGuard(audit, releaseSide.locks, [
    stoppingRefusal(() => state.stopping),
    () => upgrading.refusal(),
  ]);
  const service = createManagementService({
    guard,
    store,
    deployments,
    upgrading,
    manifestDigest,
    ...releaseCalls(given, upgrading),
    runs: parts.runs,
    rollouts: parts.rollouts,
    changes: parts.changes,
    activity: planes.activity,
    events: parts.events,
    logs: parts.appLogs,
    audit: { ...audit, list: (filter) => releaseSide.audit.list(filter) },
    locks: releaseSide.locks,
    certificates: certificatesOf(parts),
    cordon: (on) => planes.cordon(on),
    publishCertificates: async () => {
      await parts.publishCertificates();
      parts.issuing.issuer?.refresh();
    },
    showChallenges: () => showChallenges(parts),
    identity: identityOf(given, upgrading),
    starting: () => state.starting,
    departure: departureOf(given),
  });
  const streams = new AbortController();
  const handler = createManagementHandler({
    service,
    signal: streams.signal,
    artifacts: releaseSide.artifacts,
    onInternalError: ({ cause, ...facts }) =>
      spec.log.error({ err: cause, ...facts }, 'management call failed by a fault of our own'),
  });
  const answers = { handler, streams };
  given.kept?.serve(answers);
  const socket =
    given.kept ??
    (await openManagementSocket({
      socketPath: spec.options.socket,
      activated: given.control.holdsPath(spec.options.socket),
      fds: given.control.duplicates('management'),
      answers,
      serverOptions: managementServerOptions,
      log: spec.log,
    }));
  return { socket, guard };
}
