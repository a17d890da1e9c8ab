// The daemon: puts the parts together, brings them up in order, takes them down in order. Its life is told in
// ARCHITECTURE.md; this file is that list.
import path from 'node:path';
import { readHostPrivileges } from '@tako/supervisor';
import { secretsDigest } from '@tako/config';
import { adoptInstances } from '../boot/adoption.ts';
import { lockDaemon } from '../boot/daemon-lock.ts';
import { appFolders } from '../boot/app-folders.ts';
import { stopPrograms } from '../boot/left-programs.ts';
import { stopUnrecorded, stopWorkers, sweepSockets } from '../boot/leftovers.ts';
import { findOrphanWorkers } from '../boot/orphan-workers.ts';
import type { OrphanWorker } from '../boot/orphan-workers.ts';
import { loadDeployments, restoreDeployments } from '../boot/restore.ts';
import { settleSockets } from '../boot/settle-sockets.ts';
import type { Deployment } from '../deployments/deployment.ts';
import { generationsMax, idleSweepMs, lameDuckMs } from '../limits.ts';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import { startDaemonMetrics } from '../metrics/daemon-metrics.ts';
import { loadTotals } from '../metrics/saved-metrics.ts';
import { startAccessLogRotation } from './access-log-rotation.ts';
import { listCertificates, readCertificateOptions, startIssuer } from './certificates.ts';
import { prepareFolders } from './daemon-files.ts';
import { collectBootGarbageLater } from './boot-garbage.ts';
import { createDaemonParts } from './daemon-parts.ts';
import type { DaemonParts } from './daemon-parts.ts';
import { nothingInherited } from './daemon-spec.ts';
import type { DaemonSpec, Inheritance } from './daemon-spec.ts';
import { openManagement } from './management.ts';
import { createDaemonEnd } from './daemon-end.ts';
import type { Daemon, DaemonState } from './daemon-end.ts';
import { openState } from './state.ts';
import { startUpkeep } from './upkeep.ts';

/** Rows, running processes and files become deployments; resolves when the first snapshot may be published. */
async function bringBack(
  spec: DaemonSpec,
  parts: DaemonParts,
  inheritance: Inheritance,
  runDir: string,
): Promise<Deployment[]> {
  const { log } = spec;
  const { store, deployments, releaseSide } = parts;
  const { vault, releases } = releaseSide;
  const { dataDir } = spec.options;
  // A predecessor in a handoff still waits for its own.
  if (inheritance.predecessor === null) await stopPrograms(dataDir, log);
  await releases.sweep();
  const loaded = await loadDeployments({
    store,
    deployments,
    log,
    reconcile: async (record) => {
      await vault.reconcile(record.id, record.secretsDigest);
      await releases.reconcile(record);
    },
  });
  await sweepApps(dataDir, parts);
  const recorded = new Set(store.instances.list().map((record) => record.id));
  await stopUnrecorded(runDir, recorded, log);
  await adoptInstances({ store, deployments, partials: inheritance.partials, log });
  return loaded;
}

/** What a deploy left that died: a lock's file, and secrets staged for a first release that never came to be. */
async function sweepApps(dataDir: string, { store, releaseSide }: DaemonParts): Promise<void> {
  const folders = await appFolders(dataDir);
  const isNew = (id: string): boolean => store.deployments.get(id) === undefined;
  for (const id of folders.filter(isNew)) await releaseSide.vault.reconcile(id, secretsDigest({}));
  await releaseSide.locks.sweep(folders);
}

/** The orphans hear the first snapshot and go on serving until this daemon's own workers have it. */
async function startPlanes(
  spec: DaemonSpec,
  parts: DaemonParts,
  orphans: readonly OrphanWorker[],
  own: number,
): Promise<void> {
  const { planes, workerStarter } = parts;
  for (const orphan of orphans) {
    try {
      planes.adopt(await workerStarter.attach(orphan, orphan.generation, planes.hooks));
    } catch (error) {
      spec.log.warn({ err: error, worker: orphan.pid }, 'orphan worker could not be reached');
      await stopWorkers([orphan], spec.log);
    }
  }
  await planes.start();
  planes.retireAdopted((generation) => {
    // More generations than are allowed: the oldest end what they still have, properly but now.
    const isOldest = generation <= own - generationsMax;
    return { lameDuckMs, drainMs: isOldest ? 0 : spec.options.drainTimeoutMs };
  });
}

function startMetrics(
  spec: DaemonSpec,
  parts: DaemonParts,
  control: ControlSockets,
): Promise<AsyncDisposable> {
  const { planes, deployments, metrics } = parts;
  return startDaemonMetrics({
    totals: metrics,
    deployments,
    activity: planes.activity,
    workers: () => planes.workers.map(({ pid }) => pid),
    certificates: () => ({
      held: listCertificates(parts),
      names: parts.issuing.issuer?.names() ?? [],
      nowMs: Date.now(),
    }),
    control,
    version: spec.version,
    runDir: path.dirname(spec.options.socket),
    log: spec.log,
  });
}

/** Throws before anything runs: OPTION_*, LISTEN_FAILED, SERVER_ALREADY_RUNNING, STATE_*, WORKER_START_FAILED. */
export async function startDaemon(
  spec: DaemonSpec,
  inheritance: Inheritance = nothingInherited,
): Promise<Daemon> {
  const { options, log } = spec;
  const runDir = path.dirname(options.socket);
  const certificateOptions = await readCertificateOptions(options);
  const startedAt = Date.now();
  await using undo = new AsyncDisposableStack();

  await prepareFolders({
    dataDir: options.dataDir,
    runDir,
    switchesUsers: readHostPrivileges().maySwitchUser,
  });
  const lock = undo.use(await lockDaemon([runDir, options.dataDir]));
  await sweepSockets(runDir);
  const orphans = await findOrphanWorkers(runDir);
  const generation = (orphans.at(-1)?.generation ?? 0) + 1;
  const { sockets, workers } = await settleSockets(spec, inheritance, orphans);
  if (inheritance.sockets === null) undo.use(sockets);
  const resources = undo.use(new AsyncDisposableStack());
  const control = inheritance.control.adjust(options);
  if (inheritance.sockets === null) undo.use(control);
  const metrics = await loadTotals(runDir, new Set(orphans.map(({ pid }) => pid)), log);
  const store = resources.adopt(await openState(options.dataDir, log), (opened) => opened.close());
  const parts = await createDaemonParts({ ...spec, runDir, sockets, store, metrics, generation });
  resources.use(parts.releaseSide.locks);
  const started = Promise.withResolvers<void>();
  const state: DaemonState = {
    stopping: false,
    starting: started.promise,
    handingOver: null,
    released: false,
    lastReload: inheritance.lastReload,
  };
  const { socket: management, guard } = await openManagement({
    parts,
    spec,
    sockets,
    control,
    startedAt,
    state,
    kept: inheritance.management,
  });
  resources.use(management);
  if (inheritance.predecessor === null) await management.link();

  const loaded = await bringBack(spec, parts, inheritance, runDir);
  await parts.publishCertificates();
  parts.planes.publisher.publish(loaded.map((deployment) => deployment.view));
  parts.planes.publisher.publishChallenges(
    store.challenges.list().filter((challenge) => challenge.kind === 'http-01'),
  );
  // A boot that fails takes its own workers with it and leaves those of an earlier daemon serving.
  undo.defer(() => parts.planes.abandon());
  await startPlanes(spec, parts, workers, generation);
  store.settle();
  await management.link();
  state.starting = null;
  started.resolve();
  const facts = { version: spec.version, generation, durationMs: Date.now() - startedAt };
  log.info(
    { ...facts, http: sockets.addresses('http'), https: sockets.addresses('https') },
    'server became ready',
  );
  void restoreDeployments(loaded, {
    log,
    finishRevert: (deployment) => void parts.rollouts.begin(parts.changes.finishRevert(deployment)),
  });

  parts.issuing.issuer = await startIssuer(spec, parts, certificateOptions);
  resources.use(startUpkeep(spec, parts));
  const reopen = (): void => parts.planes.send({ type: 'reopenAccessLog' });
  resources.use(startAccessLogRotation({ accessLog: options.accessLog, reopen, log }));
  // In a process that serves too, a pause would be seen by clients.
  if (options.workers !== 0) resources.use(collectBootGarbageLater());
  const idleSweep = setInterval(() => parts.waker.sweep(parts.deployments.all), idleSweepMs);
  const metricsEnd = resources.use(await startMetrics(spec, parts, control));
  undo.move();
  return createDaemonEnd({
    spec,
    parts,
    sockets,
    control,
    metrics: metricsEnd,
    state,
    lock,
    guard,
    management,
    idleSweep,
    resources,
  });
}
