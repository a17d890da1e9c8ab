// An upgrade to a version with a newer schema of the state: wherever it fails the version before runs on, with all that it
// knew, and takes changes and reloads; an upgrade that works later keeps it all (spec 40, State and Upgrade).
import fs from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { children, ended, processFacts } from '../support/processes.ts';
import { type BuildArchive, type ServerBuilds, makeServerBuilds } from '../support/server-builds.ts';
import { deployed } from '../support/test-release.ts';
import { startCrowd } from '../zero-loss/crowd.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { expectNothingLost } from '../zero-loss/nothing-lost.ts';
import { type Stage, openStage } from '../zero-loss/stage.ts';
import { type DaemonChain, followDaemon } from './daemon-chain.ts';
import { type Ended, archiveArgs, beginUpgrade, endOfUpgrade } from './upgrade-run.ts';

const OLD = '1.0.0';
const STEP_TIMEOUT_MS = 60_000;
const bundle = 'node_modules/@tako/server/dist/bundle';
const crowdOptions = {
  clients: { fresh: 3, keepAlive: 6, http2: 2, webSocket: 2, eventStream: 2 },
} as const;

/** One server over all tests, in order of their names: each leaves what the next one finds. */
let builds: ServerBuilds;
let stage: Stage;
let chain: DaemonChain;
/** Schema that OLD knows. */
let known: number;
const resources = new AsyncDisposableStack();

let ready: Promise<void> | null = null;

async function prepare(): Promise<void> {
  builds = resources.use(await makeServerBuilds(OLD));
  stage = resources.use(await openStage({ instances: 2, program: builds.program }));
  await stage.ship();
  await deployed(stage.server.client, {
    id: 'web',
    version: 'v1',
    behaviour: 'ill-by-file',
    secrets: { KEY: 'one' },
    manifest: { secret_names: ['KEY'] },
  });
  chain = resources.use(followDaemon(stage.server));
  known = readState().schema;
}

// Within a test, so that the server's log is printed when the first one fails.
beforeEach(() => (ready ??= prepare()), 180_000);
afterAll(() => resources.disposeAsync(), 90_000);

/** The next schema: it only expands, as every migration does. */
function withNextSchema(text: string): string {
  const list = /(const migrations = \[[\s\S]*?\n`\n\})\];/;
  const ids = [...(list.exec(text)?.[1] ?? '').matchAll(/^\tid: (\d+),$/gm)];
  const last = Number(ids.at(-1)?.[1]);
  const sql =
    "ALTER TABLE deployments ADD COLUMN note TEXT NOT NULL DEFAULT 'none'; CREATE TABLE notes (text TEXT);";
  const next = `{ id: ${last + 1}, readableFrom: ${last}, sql: ${JSON.stringify(sql)} }`;
  const changed = text.replace(list, `$1, ${next}];`);
  if (changed === text || Number.isNaN(last)) throw new Error('the bundle has no list of migrations');
  return changed;
}

const archive = (version: string, worker?: string): Promise<BuildArchive> =>
  builds.archive(version, {
    [`${bundle}/main.js`]: withNextSchema,
    ...(worker === undefined ? {} : { [`${bundle}/worker-main.js`]: () => worker }),
  });

const place = () => ({ builds, socketPath: stage.server.socketPath });
const upgrade = async (...args: string[]): Promise<Ended> => endOfUpgrade(await beginUpgrade(place(), args));

function readState() {
  using file = new DatabaseSync(path.join(stage.server.dataDir, 'runtime-state.sqlite3'), { readOnly: true });
  const rows = (table: string) => file.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
  return {
    schema: Number(file.prepare('PRAGMA user_version').get()?.['user_version']),
    check: file.prepare('PRAGMA integrity_check').get()?.['integrity_check'],
    releases: file
      .prepare('SELECT deployment_id, version, sha256, manifest, state FROM releases ORDER BY 1, 2')
      .all(),
    routes: rows('routes'),
    deployments: file
      .prepare('SELECT id, current_version, secrets_digest FROM deployments ORDER BY id')
      .all(),
    audited: Number(file.prepare('SELECT count(*) AS n FROM audit').get()?.['n']),
  };
}

/** Runs as if nothing had happened: state, a change, a reload, and the same apps but for those that the change replaced. */
async function expectRunsOn(
  version: string,
  schema: number,
  before: ReturnType<typeof readState>,
): Promise<void> {
  expect((await chain.status()).server).toMatchObject({ version, mode: 'normal' });
  const { audited, ...state } = readState();
  const { audited: auditedBefore, ...stateBefore } = before;
  expect(state).toEqual({ ...stateBefore, schema, check: 'ok' });
  expect(audited).toBeGreaterThanOrEqual(auditedBefore);
  const pids = await chain.appPids();
  await stage.scale(3);
  await stage.scale(2);
  expect((await chain.appPids()).filter((pid) => pids.includes(pid)).length).toBeGreaterThan(1);
  expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
  expect((await chain.status()).server).toMatchObject({ version, lastReload: { ok: true } });
  expect(readState()).toMatchObject({ schema, deployments: before.deployments, releases: before.releases });
}

test('an upgrade whose workers do not start leaves the schema as it was', { timeout: 300_000 }, async () => {
  const [before, pids] = [readState(), await chain.appPids()];
  await using crowd = startCrowd(stage.url, crowdOptions);
  const failed = await upgrade(...archiveArgs(await archive('1.1.0', 'process.exit(3);\n')));
  expect(failed).toMatchObject({ code: 1, outcome: { code: 'UPGRADE_FAILED', details: { step: 'reload' } } });
  expect((await chain.status()).server.lastReload).toMatchObject({
    ok: false,
    reason: expect.stringContaining('before it was ready') as string,
  });
  expect(await chain.appPids()).toEqual(pids);
  await expectRunsOn(OLD, known, before);
  await expectNothingLost(crowd, 'an upgrade with a newer schema whose workers do not start');
});

test(
  'an upgrade whose new daemon is killed after it has migrated leaves the schema as it was',
  { timeout: 300_000 },
  async () => {
    const [before, pids] = [readState(), await chain.appPids()];
    await using crowd = startCrowd(stage.url, crowdOptions);
    const old = (await chain.status()).server;
    const hanging = "process.stderr.write('this worker hangs\\n'); setInterval(() => undefined, 1000);\n";
    const running = await beginUpgrade(place(), archiveArgs(await archive('1.2.0', hanging)));
    // Its workers come after its state.
    await eventually('a worker that hangs', STEP_TIMEOUT_MS, () =>
      stage.server.log().includes('this worker hangs') ? true : null,
    );
    const successor = children(old.pid).find((pid) => /\/main\.js /.test(processFacts(pid)?.command ?? ''));
    expect(readState().schema).toBe(known);
    process.kill(successor ?? 0, 'SIGKILL');
    await ended(successor ?? 0, STEP_TIMEOUT_MS);
    expect(await endOfUpgrade(running)).toMatchObject({ code: 1, outcome: { details: { step: 'reload' } } });
    expect((await chain.status()).server).toMatchObject({ pid: old.pid, lastReload: { ok: false } });
    expect(await chain.appPids()).toEqual(pids);
    await expectRunsOn(OLD, known, before);
    await expectNothingLost(crowd, 'an upgrade with a newer schema that is killed');
  },
);

test(
  'an upgrade that is put back after the new version has served leaves the newer schema, on which the old one runs',
  { timeout: 300_000 },
  async () => {
    const [before, pids] = [readState(), await chain.appPids()];
    await using crowd = startCrowd(stage.url, crowdOptions);
    const illness = path.join(stage.server.dataDir, 'apps/web/shared/data/ill');
    const args = [...archiveArgs(await archive('1.3.0')), '--timeout', '1s'];
    const running = await beginUpgrade(place(), args);
    await running.printed(/"step":"reload"/, STEP_TIMEOUT_MS);
    await fs.writeFile(illness, '');
    expect(await endOfUpgrade(running)).toMatchObject({ code: 1, outcome: { details: { step: 'healthy' } } });
    await fs.rm(illness);
    expect(await chain.appPids()).toEqual(pids);
    await eventually('a healthy app', STEP_TIMEOUT_MS, async () => {
      const { deployments } = await chain.status();
      const instances = deployments.flatMap(({ builds: all }) => all.flatMap((build) => build.instances));
      return instances.every(({ state }) => state === 'healthy') ? true : null;
    });
    await expectRunsOn(OLD, known + 1, before);
    await expectNothingLost(crowd, 'an upgrade with a newer schema that was put back');
  },
);

test(
  'a later upgrade to a good version with the newer schema works, and all that was done before it is there',
  { timeout: 300_000 },
  async () => {
    const pids = await chain.appPids();
    // A change of the old version on the newer schema.
    await stage.updateSecrets({ LATER: 'two' });
    const before = readState();
    const upgraded = await upgrade(...archiveArgs(await archive('1.4.0')));
    expect(upgraded).toMatchObject({ code: 0, outcome: { type: 'upgraded', from: OLD, to: '1.4.0' } });
    await expectRunsOn('1.4.0', known + 1, before);
    using file = new DatabaseSync(path.join(stage.server.dataDir, 'runtime-state.sqlite3'), {
      readOnly: true,
    });
    expect(file.prepare('SELECT DISTINCT note FROM deployments').all()).toEqual([{ note: 'none' }]);
    const backups = await fs.readdir(path.join(stage.server.dataDir, 'backups'));
    expect(backups.length).toBeGreaterThan(0);
    expect((await chain.appPids()).length).toBe(pids.length);
  },
);
