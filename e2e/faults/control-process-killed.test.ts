// Story: the control process dies of SIGKILL at some step of a deploy. The next one, on the same folders, has either the
// old state or the new, whole; nothing half-made, nothing left over; and a deploy works again.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { secretsDigest } from '@tako/config';
import type { PrepareEvent, RolloutEvent } from '@tako/protocol';
import { describe, expect, test } from 'vitest';
import { ask } from '../support/http-get.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import {
  type Artifact,
  type TestRelease,
  behaviourArchive,
  behaviourEntries,
  deployed,
  lockOf,
  packArchive,
  testManifest,
  uploadArchive,
} from '../support/test-release.ts';
import { until } from '../support/until.ts';
import { settled } from './leftovers.ts';

const old = { version: 'v1', routes: ['web.example.com'], secrets: { API_KEY: 'one' } };
const next = { version: 'v2', routes: ['web.example.com', 'new.example.com'], secrets: { API_KEY: 'two' } };
const twoInstances = { instances: 2 };

/** A deploy in the hands of a client that outlives the server: its lock is used again afterwards. */
class Deploy {
  readonly #server: RunningServer;
  readonly #token: string;
  #killed = false;

  private constructor(server: RunningServer, token: string) {
    this.#server = server;
    this.#token = token;
  }

  static async begin(server: RunningServer): Promise<Deploy> {
    const { token } = await server.client.api.acquire_lock.mutate(lockOf('web'));
    return new Deploy(server, token);
  }

  get token(): string {
    return this.#token;
  }

  kill(): void {
    this.#killed = true;
    this.#server.process.child.kill('SIGKILL');
  }

  /** Resolves when it is through, or when the server was killed in it. */
  async prepare(archive: Artifact, manifest: TestRelease['manifest'], on: (event: PrepareEvent) => void) {
    const { client } = this.#server;
    await uploadArchive(client, archive);
    const { version } = next;
    const release = { version, manifest: { ...twoInstances, ...manifest } };
    const input = { deploymentId: 'web', token: this.#token, version, sha256: archive.sha256 };
    await this.#untilKilled(async () => {
      const call = { ...input, sizeBytes: archive.bytes.length, manifest: testManifest(release) };
      for await (const event of await client.api.prepare_release.mutate(call)) on(event);
    });
  }

  async runCommand(): Promise<void> {
    const { client } = this.#server;
    const input = { deploymentId: 'web', token: this.#token, version: next.version };
    await this.#untilKilled(async () => {
      await Array.fromAsync(await client.api.run_release_command.mutate(input));
    });
  }

  /** Kills as soon as the server runs a program with this word in its command line. */
  async killWhenRuns(word: string): Promise<void> {
    await until(`a process with ${word}`, () =>
      this.#server.processes().some(({ command }) => command.includes(word)),
    );
    this.kill();
  }

  async rollOut(on: (event: RolloutEvent) => void): Promise<void> {
    const { client } = this.#server;
    const input = { deploymentId: 'web', token: this.#token, ...next };
    await this.#untilKilled(async () => {
      for await (const event of await client.api.deploy.mutate(input)) on(event);
    });
  }

  async #untilKilled(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      if (!this.#killed) throw error;
    });
    if (this.#killed) await this.#server.process.exited;
  }
}

/** The state after a boot: all of `wanted`, and nothing of the other. */
async function isWhole(server: RunningServer, wanted: typeof old): Promise<void> {
  await settled(server, 'web', { version: wanted.version, instances: 2, routes: wanted.routes });
  const answer = await ask({ port: server.httpPort, host: 'web.example.com' });
  expect(answer).toMatchObject({ status: 200, version: wanted.version });
  const status = (await ask({ port: server.httpPort, host: 'new.example.com' })).status;
  expect(status).toBe(wanted.routes.includes('new.example.com') ? 200 : 404);
  const { digest } = await server.client.api.secrets_digest.query({ deploymentId: 'web' });
  expect(digest).toBe(secretsDigest(wanted.secrets));
}

/** Boots again, looks at the state, and deploys a third version. */
async function recovers(
  first: RunningServer,
  deploy: Deploy,
  outcomes: readonly (typeof old)[],
): Promise<string | null> {
  await using server = await first.restart();
  // The client has given up; what is left of its lock is the server's business.
  await server.client.api.release_lock.mutate({ deploymentId: 'web', token: deploy.token });
  const { deployments } = await server.client.api.status.query({ deploymentId: 'web' });
  const version = deployments[0]?.version ?? null;
  const outcome = outcomes.find((candidate) => candidate.version === version);
  if (outcome === undefined) throw new Error(`${version} is neither state:\n${server.log()}`);
  await isWhole(server, outcome);
  const third = { version: 'v3', routes: ['web.example.com'], secrets: { API_KEY: 'three' } };
  await deployed(server.client, { ...third, manifest: twoInstances });
  await isWhole(server, third);
  return version;
}

/** An app whose install runs until it is killed. */
const slowInstall = [
  ...behaviourEntries('plain').filter(({ name }) => name !== 'package.json'),
  {
    name: 'package.json',
    body: JSON.stringify({
      name: 'web',
      version: '1.0.0',
      type: 'module',
      scripts: { postinstall: 'node -e "setTimeout(() => 0, 600001)"' },
      dependencies: { beside: 'file:beside' },
    }),
  },
  { name: 'beside/package.json', body: '{"name":"beside","version":"1.0.0"}' },
  {
    name: 'package-lock.json',
    body: JSON.stringify({
      name: 'web',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: {
        '': {
          name: 'web',
          version: '1.0.0',
          dependencies: { beside: 'file:beside' },
          hasInstallScript: true,
        },
        beside: { version: '1.0.0' },
        'node_modules/beside': { resolved: 'beside', link: true },
      },
    }),
  },
];

describe('while a release is prepared', () => {
  /** Enough files and bytes that verifying, extracting and syncing take their time. */
  const bulkyArchive = () =>
    packArchive([
      ...behaviourEntries('plain'),
      ...Array.from({ length: 1500 }, (_, index) => ({
        name: `files/${index}`,
        body: `${index}`.repeat(2000),
      })),
    ]);

  test.each(['verify', 'extract', 'runtime', 'seal'])('killed as it begins to %s', async (phase) => {
    await using server = await startTestServer({ workers: 1 });
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    await deploy.prepare(await bulkyArchive(), {}, (event) => {
      if (event.type === 'phase' && event.phase === phase) deploy.kill();
    });
    await recovers(server, deploy, [old]);
  });

  test('killed while dependencies are installed: the next one ends the installer', async () => {
    await using server = await startTestServer({ workers: 1 });
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    const archive = await packArchive(slowInstall);
    const preparing = deploy.prepare(archive, { package_manager: 'npm' }, () => undefined);
    await deploy.killWhenRuns('600001');
    await preparing;
    await recovers(server, deploy, [old]);
  });

  test('killed while the release command runs: the next one ends the command', async () => {
    await using server = await startTestServer({ workers: 1 });
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    await deploy.prepare(
      await behaviourArchive('plain'),
      { release_command: 'sleep 600002' },
      () => undefined,
    );
    const running = deploy.runCommand();
    await deploy.killWhenRuns('600002');
    await running;
    await recovers(server, deploy, [old]);
  });

  test('killed when it was prepared and nothing else', async () => {
    await using server = await startTestServer({ workers: 1 });
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    await deploy.prepare(await behaviourArchive('plain'), {}, (event) => {
      if (event.type === 'prepared') deploy.kill();
    });
    await recovers(server, deploy, [old]);
  });
});

describe('while it is rolled out over two instances', () => {
  const isStep = (state: string, index: number) => (event: RolloutEvent) =>
    event.type === 'step' && event.state === state && event.index === index;

  const moments: readonly (readonly [string, (event: RolloutEvent) => boolean, readonly (typeof old)[]])[] = [
    ['as it begins', (event) => event.type === 'started', [old]],
    ['after the first new instance is healthy', isStep('healthy', 0), [old]],
    ['after the first slot was swapped', isStep('serving', 0), [old]],
    ['after the second slot was swapped', isStep('serving', 1), [old, next]],
    ['as it says that it is deployed', (event) => event.type === 'deployed', [next]],
  ];

  test.each(moments)('killed %s', async (_when, isMoment, outcomes) => {
    await using server = await startTestServer();
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    await deploy.prepare(await behaviourArchive('plain'), {}, () => undefined);
    await deploy.rollOut((event) => {
      if (isMoment(event)) deploy.kill();
    });
    await recovers(server, deploy, outcomes);
  });

  test('killed right after the commit, before the files follow it', async () => {
    await using server = await startTestServer();
    await deployed(server.client, { ...old, manifest: twoInstances });
    const deploy = await Deploy.begin(server);
    await deploy.prepare(await behaviourArchive('plain'), {}, () => undefined);
    using state = new DatabaseSync(path.join(server.dataDir, 'runtime-state.sqlite3'), { readOnly: true });
    const row = state.prepare(`select current_version as version from deployments where id = 'web'`);
    const rollingOut = deploy.rollOut(() => undefined);
    // Every turn of the event loop: the files follow within milliseconds.
    while (row.get()?.['version'] !== 'v2') await nextTurn();
    deploy.kill();
    await rollingOut;
    state.close();
    await recovers(server, deploy, [next]);
  });
});

test('killed in the first deploy of an app: nothing of it is left but the prepared release', async () => {
  await using first = await startTestServer();
  const deploy = await Deploy.begin(first);
  await deploy.prepare(await behaviourArchive('plain'), {}, () => undefined);
  await deploy.rollOut((event) => {
    if (event.type === 'step') deploy.kill();
  });
  await using server = await first.restart();
  await server.client.api.release_lock.mutate({ deploymentId: 'web', token: deploy.token });
  await settled(server, 'web', { version: null, instances: 0 });
  expect(fs.readdirSync(path.join(server.dataDir, 'apps/web')).sort()).toEqual(['releases', 'shared']);
  expect((await ask({ port: server.httpPort, host: 'web.example.com' })).status).toBe(404);
  await deployed(server.client, { ...next, manifest: twoInstances });
  await isWhole(server, next);
});
