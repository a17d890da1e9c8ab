// kill -9 of an instance and of a worker under the whole load: only what was under way on the killed process may fail.
import { expect, test } from 'vitest';
import type { FailureReport, Report } from '../load/tally.ts';
import { countsTable } from './counts-table.ts';
import { CLIENTS, type Crowd, smallRequests, startCrowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { type Kill, killHard } from './killing.ts';
import { type Stage, deploymentId, openStage } from './stage.ts';

/** Small requests before the kill, and again after the recovery. */
const REQUESTS_EACH = 2000;
const RECOVERY_TIMEOUT_MS = 20_000;
/** From the end of a process until those connected to it have heard of it, on a busy machine. */
const NEWS_MS = 100;

test('kill -9 of an instance fails only what was under way on it', { timeout: 180_000 }, async () => {
  await using stage = await openStage({ instances: 2 });
  await stage.ship();
  await using crowd = startCrowd(stage.url);
  await warmUp(crowd);
  const [victim] = await instancesOf(stage);
  const kill = killHard({ pid: victim!.pid!, port: victim!.port!, isShared: false });
  await recovered('two healthy instances without the killed one', async () => {
    const instances = await instancesOf(stage);
    return instances.filter(({ state, pid }) => state === 'healthy' && pid !== victim!.pid).length === 2;
  });
  const report = await carryOn(crowd);
  console.log(countsTable(`kill -9 of an instance with ${kill.connections} connections`, report));
  expectOnlyUnderWay(report, { kill, crowd });
  for (const { received } of report.failures) expect([null, String(victim!.pid)]).toContain(received['pid']);
});

test('kill -9 of a worker fails only what was under way on it', { timeout: 180_000 }, async () => {
  await using stage = await openStage({ instances: 2 });
  await stage.ship();
  await using crowd = startCrowd(stage.url);
  await warmUp(crowd);
  const before = await workersOf(stage);
  const victim = before[0]!.pid;
  const kill = killHard({ pid: victim, port: stage.server.httpsPort, isShared: true });
  await recovered('two workers without the killed one', async () => {
    const workers = await workersOf(stage);
    return workers.filter(({ pid, snapshotVersion }) => pid !== victim && snapshotVersion > 0).length === 2;
  });
  const report = await carryOn(crowd);
  console.log(countsTable(`kill -9 of a worker with ${kill.connections} connections`, report));
  expectOnlyUnderWay(report, { kill, crowd });
});

async function warmUp(crowd: Crowd): Promise<void> {
  await served(crowd, REQUESTS_EACH);
  const { byKind, failures } = crowd.report();
  expect(failures).toEqual([]);
  expect(byKind.webSocket?.sent).toBe(CLIENTS.webSocket);
  expect(byKind.eventStream?.sent).toBe(CLIENTS.eventStream);
}

async function carryOn(crowd: Crowd): Promise<Report> {
  await served(crowd, smallRequests(crowd.report()) + REQUESTS_EACH);
  return crowd.stop();
}

async function served(crowd: Crowd, count: number): Promise<void> {
  await eventually(`${count} small requests`, 60_000, () =>
    smallRequests(crowd.report()) >= count ? true : null,
  );
}

async function recovered(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await eventually(what, RECOVERY_TIMEOUT_MS, async () => ((await isSo()) ? true : null));
}

function expectOnlyUnderWay(report: Report, { kill, crowd }: { kill: Kill; crowd: Crowd }): void {
  // Streams were open to it, so a kill that fails nothing was none.
  expect(report.failed).toBeGreaterThan(0);
  expect(report.failed).toBeLessThanOrEqual(kill.connections);
  expect(report.failures).toHaveLength(report.failed);
  expect(report.failures.filter((failure) => !wasUnderWay(failure, { kill, crowd }))).toEqual([]);
}

function wasUnderWay(failure: FailureReport, { kill, crowd }: { kill: Kill; crowd: Crowd }): boolean {
  const failedAt = crowd.startedAt + failure.atMs;
  const begunAt = failedAt - failure.afterMs;
  return begunAt <= kill.endedAt + NEWS_MS && failedAt >= kill.beganAt - 1;
}

async function instancesOf(stage: Stage) {
  const { deployments } = await stage.server.client.api.status.query({ deploymentId });
  return deployments.flatMap(({ builds }) => builds).flatMap(({ instances }) => instances);
}

async function workersOf(stage: Stage) {
  return (await stage.server.client.api.server_info.query(undefined)).workers;
}
