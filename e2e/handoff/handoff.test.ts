// Reload and crash under load: no request lost, no app restarted (spec 40, Handoff).
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNothingLost } from '../zero-loss/nothing-lost.ts';
import { expect, test } from 'vitest';
import { countsTable } from '../zero-loss/counts-table.ts';
import { startCrowd } from '../zero-loss/crowd.ts';
import { openStage } from '../zero-loss/stage.ts';
import { startCallers } from './callers.ts';
import { followDaemon } from './daemon-chain.ts';
import { type Footprint, measureFootprint } from './footprint.ts';
import { deployNumbers, readNumbers } from './numbered-lines.ts';

const reloads = 20;
const crashes = 10;
/** Between two events, so that each is met by traffic in every state. */
const betweenMs = 300;
/** Library threads and timers may hold one more at any moment. */
const descriptorsMoreMax = 2;
/** What V8 and malloc hold back differs by that much from process to process; a process that was doubled has more. */
const rssMoreMax = 32 * 1024 * 1024;

test(
  `${reloads} reloads under load lose no request, no log line and no call, restart no app, and leave nothing behind`,
  { timeout: 600_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    await stage.ship();
    await deployNumbers(stage.server);
    await using chain = followDaemon(stage.server);
    const pids = await chain.appPids();
    // A successor lives from what it was handed: the first one is what the last one is compared with.
    await chain.reload();
    const before = await measureFootprint(stage.server, chain);
    await using crowd = startCrowd(stage.url);
    await using callers = await startCallers(stage.server.socketPath);
    const times: number[] = [];
    for (let count = 2; count < reloads; count += 1) {
      const outcome = await chain.reload();
      if (outcome.kind === 'failed') throw new Error(`reload ${count}: ${outcome.reason}`);
      times.push(outcome.durationMs);
      await sleep(betweenMs);
    }
    const calls = await callers.stop();
    const report = await crowd.stop();
    // Compared without kept connections to the apps, as before: those of a generation that had no load.
    await chain.reload();
    const after = await measureFootprint(stage.server, chain);
    const lines = await readNumbers(stage.server);
    console.log(
      countsTable(`${reloads} reloads, ready after ${times.toSorted((a, b) => a - b).join(' ')} ms`, report),
    );
    console.log(JSON.stringify({ calls, lines, before, after }));
    expect(report.reasons).toEqual({});
    expect(report.failed).toBe(0);
    expect(await chain.appPids()).toEqual(pids);
    expect(calls.errors).toEqual({});
    expect(calls.daemons).toBeGreaterThanOrEqual(reloads / 2);
    expect(lines).toMatchObject({ gaps: [], twice: [], strange: [] });
    expectFlat(before, after);
  },
);

function expectFlat(before: Footprint, after: Footprint): void {
  expect(after.control.descriptors).toBeLessThanOrEqual(before.control.descriptors + descriptorsMoreMax);
  expect(after.workers.descriptors).toBeLessThanOrEqual(before.workers.descriptors + descriptorsMoreMax);
  expect(after.control.rssBytes).toBeLessThanOrEqual(before.control.rssBytes + rssMoreMax);
  expect(after.workers.rssBytes).toBeLessThanOrEqual(before.workers.rssBytes + rssMoreMax);
  expect({ processes: after.processes, names: after.runNames }).toEqual({
    processes: before.processes,
    names: before.runNames,
  });
}

test(
  `kill -9 of the control process ${crashes} times under load loses nothing and restarts no app`,
  { timeout: 600_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    await stage.ship();
    await deployNumbers(stage.server);
    await using chain = followDaemon(stage.server);
    const pids = await chain.appPids();
    await using crowd = startCrowd(stage.url);
    const times: number[] = [];
    for (let count = 0; count < crashes; count += 1) {
      times.push((await chain.crash()).durationMs);
      await sleep(betweenMs);
    }
    const report = await crowd.stop();
    const lines = await readNumbers(stage.server);
    console.log(
      countsTable(
        `${crashes} crashes, serving again after ${times.toSorted((a, b) => a - b).join(' ')} ms`,
        report,
      ),
    );
    console.log(JSON.stringify(lines));
    expect(report.reasons).toEqual({});
    expect(report.failed).toBe(0);
    expect(await chain.appPids()).toEqual(pids);
    // Only what a killed daemon had read and not yet written may be missing: once a kill, 64 KiB at most, and the line
    // of which it had read half.
    expect(lines.twice).toEqual([]);
    expect(lines.gaps.length).toBeLessThanOrEqual(crashes);
    expect(lines.strange.length).toBeLessThanOrEqual(crashes);
    const lineBytes = 'number 10000 end\n'.length;
    for (const gap of lines.gaps) expect(gap.lines * lineBytes).toBeLessThanOrEqual(64 * 1024);
  },
);

test('a reload with a bad server.toml leaves the old daemon serving and says why; the next reload works', async () => {
  await using stage = await openStage({ instances: 1 });
  await stage.ship();
  await using chain = followDaemon(stage.server);
  const { server: before } = await chain.status();
  const pids = await chain.appPids();
  const toml = path.join(stage.server.dataDir, 'server.toml');
  await fs.writeFile(toml, 'workers = "many"\n');
  expect(await chain.reload()).toMatchObject({ kind: 'failed' });
  const { server: still } = await chain.status();
  expect(still).toMatchObject({ pid: before.pid, mode: 'normal', lastReload: { ok: false } });
  await fs.writeFile(toml, 'log_level = "info"\n');
  expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
  expect(await chain.appPids()).toEqual(pids);
});

test(
  'after a crash, when workers alone hold the sockets, a reload that wants others fails and changes nothing',
  { timeout: 120_000 },
  async () => {
    await using stage = await openStage({ instances: 1 });
    await stage.ship();
    await using chain = followDaemon(stage.server);
    await using crowd = startCrowd(stage.url);
    await chain.crash();
    const { server: before } = await chain.status();
    const toml = path.join(stage.server.dataDir, 'server.toml');
    await fs.writeFile(toml, `listen_unix = ["${path.join(stage.server.dir, 'run/http.sock')}"]\n`);
    expect(await chain.reload()).toMatchObject({ kind: 'failed' });
    await stage.restart();
    expect((await chain.status()).server).toMatchObject({ pid: before.pid, mode: 'normal' });
    await fs.rm(toml);
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    await expectNothingLost(crowd, 'a crash, a reload for other sockets, a reload');
  },
);

test(
  'a rollout that is asked for during reloads, and reloads during rollouts, lose nothing',
  { timeout: 180_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    const first = await stage.ship();
    const second = await stage.ship();
    await using chain = followDaemon(stage.server);
    await using crowd = startCrowd(stage.url);
    for (const version of [first, second, first]) {
      const rollout = stage.deploy(version);
      await sleep(100);
      const reload = chain.reload();
      await Promise.allSettled([rollout]);
      expect(await reload).toMatchObject({ kind: 'reloaded' });
    }
    await expectNothingLost(crowd, '3 reloads during rollouts');
  },
);

test(
  'the check of the check: a stop and a start instead of a handoff does lose requests',
  { timeout: 120_000 },
  async () => {
    await using stage = await openStage({ instances: 1 });
    await stage.ship();
    await using crowd = startCrowd(stage.url, { clients: { fresh: 4, keepAlive: 4 } });
    await sleep(betweenMs);
    await stage.server.stop();
    await using restarted = await stage.server.restart();
    await sleep(betweenMs);
    const report = await crowd.stop();
    console.log(countsTable('a stop and a start instead of a handoff', report));
    expect(restarted.pid).not.toBe(stage.server.pid);
    expect(report.failed).toBeGreaterThan(0);
  },
);

test(
  'the check of the check: a handoff without a lame duck, its old workers killed at the swap, fails what is under way',
  { timeout: 300_000 },
  async () => {
    await using stage = await openStage({ instances: 1 });
    await stage.ship();
    await using chain = followDaemon(stage.server);
    await using crowd = startCrowd(stage.url);
    await sleep(betweenMs * 3);
    expect(crowd.report().failures).toEqual([]);
    const { server } = await chain.status();
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    for (const { pid } of server.workers) process.kill(pid, 'SIGKILL');
    await sleep(betweenMs);
    const report = await crowd.stop();
    console.log(countsTable('a handoff whose old workers are killed', report));
    // Of bodies the odd one may have ended in time; what never ends by itself cannot.
    for (const kind of ['webSocket', 'eventStream'] as const)
      expect([kind, Number(report.byKind[kind]?.failed) > 0]).toEqual([kind, true]);
    expect(report.failed).toBeLessThan(report.sent);
  },
);

test(
  'an instance that dies while no daemon watches is replaced; an adopted one within a moment',
  { timeout: 120_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    await stage.ship();
    await using chain = followDaemon(stage.server);
    const [first, second] = await chain.appPids();
    process.kill(first ?? 0, 'SIGKILL');
    await chain.crash();
    await expect.poll(async () => (await chain.appPids()).length, { timeout: 10_000 }).toBe(2);
    expect(await chain.appPids()).toContain(second);
    process.kill(second ?? 0, 'SIGKILL');
    await expect
      .poll(async () => (await chain.appPids()).includes(second ?? 0), { timeout: 2000, interval: 20 })
      .toBe(false);
    await expect.poll(async () => (await chain.appPids()).length, { timeout: 10_000 }).toBe(2);
  },
);
