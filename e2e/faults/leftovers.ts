// What a server is made of, held against what it says: processes, sockets, folders and files that nothing accounts for
// are left-overs of a fault. It knows nothing of how the fault was made.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { specialFiles } from '../support/processes.ts';
import type { RunningServer } from '../support/start-server.ts';

/** Workers of a dead server answer for 2 s more, then go (spec 40, Handoff). */
const SETTLE_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

export interface Wanted {
  /** null: the deployment does not exist. */
  readonly version: string | null;
  readonly instances: number;
  readonly routes?: readonly string[];
}

/** Resolves when the server is in that state and nothing else is there; rejects at the deadline with what is wrong. */
export async function settled(server: RunningServer, id: string, wanted: Wanted): Promise<void> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const problems = await problemsOf(server, id, wanted);
    if (problems.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${id} did not settle:\n  ${problems.join('\n  ')}\n${server.log().slice(-4000)}`);
    await sleep(POLL_MS);
  }
}

async function problemsOf(server: RunningServer, id: string, wanted: Wanted): Promise<string[]> {
  const { api } = server.client;
  const [{ deployments }, info, releases] = await Promise.all([
    api.status.query({}),
    api.server_info.query(),
    api.releases.query({ deploymentId: id }).catch(() => []),
  ]);
  const deployment = deployments.find(({ deploymentId }) => deploymentId === id);
  const instances = deployments.flatMap(({ builds }) => builds.flatMap((build) => build.instances));
  const known = new Set([
    server.pid,
    ...info.workers.map(({ pid }) => pid),
    ...instances.map(({ pid }) => pid),
  ]);
  return [
    ...stateProblems(deployment, wanted),
    ...info.workers
      .filter(({ state }) => state !== 'serving')
      .map(({ pid, state }) => `worker ${pid} is ${state}`),
    ...server
      .processes()
      .filter(({ pid }) => !known.has(pid))
      .map((facts) => `a process that nobody knows: ${JSON.stringify(facts)}`),
    ...runProblems(
      server,
      info.workers.map(({ pid }) => pid),
      instances.map((instance) => instance.id),
    ),
    ...fileProblems(server, {
      id,
      version: wanted.version,
      releases: releases.map(({ version }) => version),
    }),
  ];
}

type Deployment = Awaited<
  ReturnType<RunningServer['client']['api']['status']['query']>
>['deployments'][number];

function stateProblems(deployment: Deployment | undefined, wanted: Wanted): string[] {
  if (wanted.version === null)
    return deployment === undefined ? [] : [`it is deployed: ${deployment.version}`];
  if (deployment === undefined) return ['it is not deployed'];
  const { version, builds, rollout, routes } = deployment;
  const shape = builds.map(
    (build) => `${build.version}: ${build.instances.map(({ state }) => state).join(' ')}`,
  );
  const healthy = `${wanted.version}: ${Array.from({ length: wanted.instances }, () => 'healthy').join(' ')}`;
  return [
    ...(version === wanted.version ? [] : [`its version is ${version}, not ${wanted.version}`]),
    ...(shape.join('; ') === healthy ? [] : [`it runs "${shape.join('; ')}", not "${healthy}"`]),
    ...(rollout === null ? [] : [`a ${rollout.kind} is under way`]),
    ...(wanted.routes === undefined || routes.join() === wanted.routes.join()
      ? []
      : [`its routes are ${routes.join()}, not ${wanted.routes.join()}`]),
  ];
}

/** Sockets, FIFOs and identity files belong to somebody who lives. */
function runProblems(
  server: RunningServer,
  workers: readonly number[],
  instances: readonly string[],
): string[] {
  const runDir = path.dirname(server.socketPath);
  const own = new Set([
    `tako-${server.pid}.sock`,
    'tako.sock',
    'daemon.json',
    'metrics.json',
    'instances',
    ...workers.flatMap((pid) => [`worker-${pid}.sock`, `worker-${pid}.json`]),
  ]);
  const isExpected = (name: string): boolean =>
    own.has(name) ||
    instances.some((id) => name === `instances/${id}` || name.startsWith(`instances/${id}/`));
  const names = fs.readdirSync(runDir, { recursive: true, encoding: 'utf8' });
  return [
    ...names.filter((name) => !isExpected(name)).map((name) => `left in the run folder: ${name}`),
    ...specialFiles(server.dataDir).map((name) => `a socket or FIFO among the data: ${name}`),
  ];
}

interface Files {
  readonly id: string;
  readonly version: string | null;
  readonly releases: readonly string[];
}

function fileProblems(server: RunningServer, { id, version, releases }: Files): string[] {
  const folder = path.join(server.dataDir, 'apps', id);
  const present = namesIn(path.join(folder, 'releases'));
  const current = fs.lstatSync(path.join(folder, 'current'), { throwIfNoEntry: false });
  const linked = current === undefined ? null : path.basename(fs.readlinkSync(path.join(folder, 'current')));
  return [
    ...present
      .filter((name) => !releases.includes(name))
      .map((name) => `a release that nobody knows: ${name}`),
    ...releases
      .filter((name) => !present.includes(name))
      .map((name) => `a release without its folder: ${name}`),
    ...namesIn(folder)
      .filter((name) => /next|tmp|\.deploy_lock/.test(name))
      .map((name) => `left in the app's folder: ${name}`),
    ...(linked === version ? [] : [`current points to ${linked}, not ${version}`]),
  ];
}

function namesIn(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}
