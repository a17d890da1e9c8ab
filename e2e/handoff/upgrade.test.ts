// `tako-server upgrade` from one packed version to another, on real daemons (spec 40, Upgrade): under load, with a
// failure at each step, and killed at each step.
import fs from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { CapturedProcess } from '../support/captured-process.ts';
import { type BuildArchive, type ServerBuilds, makeServerBuilds } from '../support/server-builds.ts';
import { deployed } from '../support/test-release.ts';
import { startCrowd } from '../zero-loss/crowd.ts';
import { expectNothingLost } from '../zero-loss/nothing-lost.ts';
import { type Stage, openStage } from '../zero-loss/stage.ts';
import { type DaemonChain, followDaemon } from './daemon-chain.ts';
import { type Ended, archiveArgs, beginUpgrade, endOfUpgrade } from './upgrade-run.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const UPGRADES = 10;
/** A few of each kind: what is looked for is loss, on a machine that does other things, too. */
const crowdOptions = {
  clients: { fresh: 3, keepAlive: 6, http2: 2, upload: 1, download: 1, webSocket: 4, eventStream: 2 },
} as const;
const STEP_TIMEOUT_MS = 60_000;
const PREPARE_TIMEOUT_MS = 180_000;

/** One server, and beside the load app one whose health a file decides: made by the first test, ended after the last. */
let builds: ServerBuilds;
let stage: Stage;
let chain: DaemonChain;
let next: BuildArchive;
const resources = new AsyncDisposableStack();
let ready: Promise<void> | null = null;
const illness = (): string => path.join(stage.server.dataDir, 'apps/web/shared/data/ill');

async function prepare(): Promise<void> {
  builds = resources.use(await makeServerBuilds(OLD));
  next = await builds.archive(NEW);
  stage = resources.use(await openStage({ instances: 2, program: builds.program }));
  await stage.ship();
  await deployed(stage.server.client, { id: 'web', version: 'v1', behaviour: 'ill-by-file' });
  chain = resources.use(followDaemon(stage.server));
}

/** Each test finds version OLD and leaves it. */
beforeEach(() => (ready ??= prepare()), PREPARE_TIMEOUT_MS);
afterAll(() => resources.disposeAsync(), 90_000);

const begin = (...args: string[]): Promise<CapturedProcess> =>
  beginUpgrade({ builds, socketPath: stage.server.socketPath }, args);
const upgrade = async (...args: string[]): Promise<Ended> => endOfUpgrade(await begin(...args));

/** The version before serves through the link, takes changes again, runs the same apps, and nothing lies about. */
async function expectAsBefore(pids: readonly number[]): Promise<void> {
  expect(await builds.current()).toBe(OLD);
  const { server } = await chain.status();
  expect(server).toMatchObject({ version: OLD, mode: 'normal' });
  expect(await chain.appPids()).toEqual(pids);
  const names = await builds.names();
  expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
}

async function goBack(): Promise<void> {
  if ((await chain.status()).server.version !== OLD)
    expect((await upgrade('--to', OLD)).outcome).toMatchObject({ type: 'upgraded', to: OLD });
}

test(
  `${UPGRADES} upgrades back and forth under load lose nothing and restart no app`,
  { timeout: 600_000 },
  async () => {
    const pids = await chain.appPids();
    await using crowd = startCrowd(stage.url, crowdOptions);
    const first = await upgrade(...archiveArgs(next));
    expect(first).toMatchObject({ code: 0, outcome: { type: 'upgraded', from: OLD, to: NEW } });
    expect(first.steps).toEqual(['enter', 'unpack', 'switch', 'reload', 'healthy', 'leave']);
    for (let count = 2; count <= UPGRADES; count += 1) {
      const to = count % 2 === 0 ? OLD : NEW;
      expect(await upgrade('--to', to)).toMatchObject({ code: 0, outcome: { type: 'upgraded', to } });
      expect((await chain.status()).server).toMatchObject({ version: to, mode: 'normal' });
    }
    const report = await expectNothingLost(crowd, `${UPGRADES} upgrades back and forth`);
    expect(report.failed).toBe(0);
    await expectAsBefore(pids);
  },
);

test(
  'an upgrade to the version that runs does nothing, whether by name or by archive',
  { timeout: 300_000 },
  async () => {
    const { server } = await chain.status();
    const same = await builds.archive(OLD);
    for (const args of [['--to', OLD], archiveArgs(same)]) {
      expect(await upgrade(...args)).toEqual({
        code: 0,
        outcome: { type: 'nothingToDo', version: OLD },
        steps: [],
        events: [{ type: 'nothingToDo', version: OLD }],
      });
    }
    expect((await chain.status()).server).toMatchObject({ pid: server.pid, lastReload: server.lastReload });
  },
);

test('what is not the build that was meant changes nothing', { timeout: 300_000 }, async () => {
  const pids = await chain.appPids();
  const { server } = await chain.status();
  const other = path.join(stage.server.dir, 'other.tar');
  await fs.writeFile(other, 'no archive');
  const digest = 'e9c0f8b575cbfcb42ab3b78ecc87efa3b011d9a5d10b09fa4e96f240bf6a82f5';
  const foreign = await builds.archive('1.2.0', { BUILD: (text) => text.replace(/^arch=.*$/m, 'arch=vax') });
  for (const [args, step, words] of [
    [[next.file, '--sha256', digest], undefined, /has the SHA-256 [0-9a-f]{64}, not/],
    [[`${next.file}.gone`, '--sha256', digest], undefined, /cannot be read/],
    [[other, '--sha256', await sha256(other)], undefined, /is not a build of tako-server/],
    [archiveArgs(foreign), 'unpack', /the archive is for vax/],
    [['--to', '9.9.9'], 'switch', /there is no version 9\.9\.9/],
  ] as const) {
    const { code, outcome } = await upgrade(...args);
    expect(code).toBe(1);
    expect(outcome).toMatchObject({ type: 'failed', code: 'UPGRADE_FAILED' });
    expect(outcome['message']).toMatch(words);
    expect((outcome['details'] as { step?: string }).step).toBe(step);
    await expectAsBefore(pids);
  }
  expect((await chain.status()).server.pid).toBe(server.pid);
});

test(
  'while somebody else upgrades, an upgrade is refused and says who does',
  { timeout: 300_000 },
  async () => {
    const pids = await chain.appPids();
    await using client = await chain.connect();
    await client.api.enter_upgrading.mutate({ owner: 'anna@laptop' });
    try {
      expect(await upgrade('--to', NEW)).toMatchObject({
        code: 6,
        outcome: { code: 'UPGRADING_LEASE_HELD', message: expect.stringContaining('anna@laptop') as string },
      });
      expect((await chain.status()).server.mode).toBe('upgrading');
    } finally {
      await client.api.exit_upgrading.mutate({ owner: 'anna@laptop' });
    }
    await expectAsBefore(pids);
  },
);

const crashing = "if (process.argv[2] !== '--version') process.exit(3);\n";

test(
  'a new version that does not take over is put back, whenever it fails',
  { timeout: 300_000 },
  async () => {
    const pids = await chain.appPids();
    await using crowd = startCrowd(stage.url, crowdOptions);
    const dist = 'node_modules/@tako/server/dist/bundle';
    for (const [file, edit, words] of [
      // Before it has touched anything.
      [
        'main.js',
        (text: string) => `${crashing}${text}`,
        /did not take over.*exited with 3 before it was prepared/,
      ],
      // After the old daemon had let go: its workers do not start.
      ['worker-main.js', () => 'process.exit(3);\n', /did not take over.*before it was ready/],
    ] as const) {
      const broken = await builds.archive('1.2.0', { [`${dist}/${file}`]: edit });
      const { code, outcome, events } = await upgrade(...archiveArgs(broken));
      expect({ code, outcome }).toMatchObject({
        code: 1,
        outcome: { code: 'UPGRADE_FAILED', details: { step: 'reload' } },
      });
      expect(outcome['message']).toMatch(words);
      expect(events).toContainEqual(expect.objectContaining({ type: 'puttingBack', version: OLD }));
      await expectAsBefore(pids);
    }
    await expectNothingLost(crowd, 'two upgrades that were put back');
  },
);

test(
  'apps that are ill after the swap, and were not before, put the version before back',
  { timeout: 300_000 },
  async () => {
    const pids = await chain.appPids();
    const running = await begin('--to', NEW, '--timeout', '1s');
    await running.printed(/"step":"reload"/, STEP_TIMEOUT_MS);
    await fs.writeFile(illness(), '');
    const ended = await endOfUpgrade(running);
    expect(ended).toMatchObject({
      code: 1,
      outcome: {
        code: 'UPGRADE_FAILED',
        details: { step: 'healthy' },
        message: expect.stringContaining('web') as string,
      },
    });
    // What was ill before is not the upgrade's fault.
    expect(await upgrade('--to', NEW, '--timeout', '1s')).toMatchObject({ code: 0 });
    await fs.rm(illness());
    await goBack();
    await expectAsBefore(pids);
  },
);

test(
  'upgrading mode that somebody took over meanwhile puts the version before back',
  { timeout: 300_000 },
  async () => {
    const pids = await chain.appPids();
    const running = await begin('--to', NEW);
    await running.printed(/"step":"reload"/, STEP_TIMEOUT_MS);
    using state = new DatabaseSync(path.join(stage.server.dataDir, 'runtime-state.sqlite3'));
    state.exec("UPDATE leases SET token = 'somebody' WHERE name = 'upgrading'");
    expect(await endOfUpgrade(running)).toMatchObject({
      code: 1,
      outcome: { code: 'UPGRADE_FAILED', details: { step: 'leave' } },
    });
    expect((await chain.status()).server).toMatchObject({ version: OLD, mode: 'upgrading' });
    await using client = await chain.connect();
    await client.api.exit_upgrading.mutate({ owner: 'somebody' });
    await expectAsBefore(pids);
  },
);

test('an upgrade that is interrupted puts everything back and says so', { timeout: 300_000 }, async () => {
  const pids = await chain.appPids();
  for (const [step, args] of [
    ['unpack', archiveArgs(await builds.archive('1.2.0'))],
    ['reload', ['--to', NEW]],
  ] as const) {
    const running = await begin(...args);
    await running.printed(new RegExp(`"step":"${step}"`), STEP_TIMEOUT_MS);
    running.child.kill('SIGTERM');
    expect(await endOfUpgrade(running)).toMatchObject({ code: 130, outcome: { code: 'INTERRUPTED' } });
    await expectAsBefore(pids);
  }
});

test('an upgrade that is killed is finished or undone by the next one', { timeout: 600_000 }, async () => {
  const pids = await chain.appPids();
  const unpacking = archiveArgs(await builds.archive('1.3.0'));
  const seen: Record<string, unknown> = {};
  for (const [step, args] of [
    ['unpack', unpacking],
    ['switch', ['--to', NEW]],
    ['reload', ['--to', NEW]],
    ['healthy', ['--to', NEW]],
  ] as const) {
    const running = await begin(...args);
    await running.printed(new RegExp(`"step":"${step}"`), STEP_TIMEOUT_MS);
    running.child.kill('SIGKILL');
    await running.closed;
    // Nobody but the next upgrade, or the end of the lease, takes changes again.
    expect((await chain.status()).server.mode).toBe('upgrading');
    // By its archive: of the builds that are not in use only the youngest are kept, and this one may have gone.
    const ended = await upgrade(...archiveArgs(next));
    expect(ended).toMatchObject({
      code: 0,
      outcome: { type: expect.stringMatching(/upgraded|nothingToDo/) as string },
    });
    seen[step] = ended.events.find((event) => event['type'] === 'recovered')?.['how'];
    expect((await chain.status()).server).toMatchObject({ version: NEW, mode: 'normal' });
    await goBack();
    await expectAsBefore(pids);
  }
  // Killed in mid-reload either may be found: what the server had reached by then.
  expect(seen).toMatchObject({ unpack: 'putBack', switch: 'putBack', healthy: 'finished' });
  expect(seen['reload']).toMatch(/^(putBack|finished)$/);
});

test(
  'old builds go; the running one, the one before it and one more stay',
  { timeout: 300_000 },
  async () => {
    for (const version of ['1.4.0', '1.5.0'])
      expect(await upgrade(...archiveArgs(await builds.archive(version)))).toMatchObject({ code: 0 });
    const names = await builds.names();
    expect(names).toHaveLength(4);
    expect(names).toEqual(expect.arrayContaining(['1.4.0', '1.5.0', 'current']));
  },
);

async function sha256(file: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await fs.readFile(file));
  return Buffer.from(digest).toString('hex');
}
