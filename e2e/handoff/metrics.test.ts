// Counters over every way in which one daemon follows another: none falls below what a scraper was shown, and none counts
// a request twice (spec 50, Observability).
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startCaptured } from '../support/captured-process.ts';
import { freePort } from '../support/free-port.ts';
import { ask } from '../support/http-get.ts';
import { deployed } from '../support/test-release.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { type DaemonChain, followDaemon } from './daemon-chain.ts';

const serverProgram = path.resolve(import.meta.dirname, '../../bin/tako-server');
const requestsAtOnce = 20;
const crashes = 3;
const manifest = { https_redirect: false };
const toldMs = 20_000;
const served = 'tako_http_requests_total{app="web",status="200"}';

type Counters = ReadonlyMap<string, number>;

/** By name and labels but `server`; of each daemon's own processes nothing. */
function parseCounters(text: string): Counters {
  const kinds = [...text.matchAll(/^# TYPE (\S+) (?:counter|histogram)$/gm)].map((match) => match[1] ?? '');
  const samples = [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)];
  return new Map(
    samples.flatMap(([, name = '', labels = '', value]) => {
      const isCounter = kinds.some((kind) => name === kind || name.startsWith(`${kind}_`));
      if (!isCounter || name.startsWith('process_')) return [];
      const others = labels.split(',').filter((label) => !label.startsWith('server='));
      return [[`${name}{${others.join(',')}}`, Number(value)] as const];
    }),
  );
}

/** Scrapes one server over its daemons; every answer is held against the one before it. */
class Scraper {
  readonly #port: number;
  #last: Counters = new Map();

  constructor(port: number) {
    this.#port = port;
  }

  async scrape(): Promise<Counters> {
    // Nobody listens between a kill and the next daemon.
    const { body } = await eventually('an answer to a scraper', toldMs, () =>
      ask({ port: this.#port, host: 'localhost', path: '/metrics' }).catch(() => null),
    );
    const now = parseCounters(body);
    const fallen = [...this.#last].filter(([name, value]) => !((now.get(name) ?? 0) >= value));
    expect(fallen.map(([name, value]) => `${name} was ${value}, is ${now.get(name)}`)).toEqual([]);
    this.#last = now;
    return now;
  }

  /** Workers tell once a second. */
  async untilServed(count: number): Promise<void> {
    await expect.poll(async () => (await this.scrape()).get(served), { timeout: toldMs }).toBe(count);
  }
}

/** An app that is asked, a daemon that is followed, and what was sent so far. */
interface Scene extends AsyncDisposable {
  readonly server: RunningServer;
  readonly flags: readonly string[];
  readonly chain: DaemonChain;
  readonly scraper: Scraper;
  /** Some requests, all of them answered. */
  send(): Promise<void>;
  /** Until a scraper is shown each of them, once. */
  counted(): Promise<void>;
}

async function openScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const metricsPort = await freePort();
  const flags = ['--metrics-listen', `127.0.0.1:${metricsPort}`];
  const server = resources.use(await startTestServer({ args: flags }));
  const chain = resources.use(followDaemon(server, flags));
  await deployed(server.client, { id: 'web', version: 'v1', manifest });
  const scraper = new Scraper(metricsPort);
  const kept = resources.move();
  let sent = 0;
  return {
    server,
    flags,
    chain,
    scraper,
    send: async () => {
      const web = { port: server.httpPort, host: 'web.example.com', path: '/who' };
      for (let count = 0; count < requestsAtOnce; count += 1) expect((await ask(web)).status).toBe(200);
      sent += requestsAtOnce;
    },
    counted: () => scraper.untilServed(sent),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function instancesOf(chain: DaemonChain, id: string): Promise<number> {
  const { deployments } = await chain.status();
  const builds = deployments.filter(({ deploymentId }) => deploymentId === id).flatMap((of) => of.builds);
  return builds.flatMap((build) => build.instances).length;
}

test(
  'no counter falls and none counts twice over kill -9 of the control process, a moment after it was scraped',
  { timeout: 180_000 },
  async () => {
    await using scene = await openScene();
    const { server, chain, scraper } = scene;
    const onDemand = { ...manifest, instances: 0, idle_timeout_s: 1 };
    await deployed(server.client, { id: 'lazy', version: 'v1', manifest: onDemand });
    for (let count = 0; count < crashes; count += 1) {
      await scene.send();
      await expect.poll(() => instancesOf(chain, 'lazy'), { timeout: toldMs }).toBe(0);
      // Cold starts are counted by nobody but the process that is killed.
      await ask({ port: server.httpPort, host: 'lazy.example.com', path: '/who' });
      await scraper.scrape();
      await chain.crash();
      await scene.counted();
    }
    // And so is what a worker had counted that has died since.
    await scene.send();
    await scene.counted();
    const [dead] = (await chain.status()).server.workers;
    process.kill(dead?.pid ?? 0, 'SIGKILL');
    await expect
      .poll(async () => (await chain.status()).server.workers.some(({ pid }) => pid === dead?.pid))
      .toBe(false);
    await scene.counted();
    await chain.crash();
    await scene.counted();
  },
);

test(
  'no counter falls and none counts twice over reloads, and over one that fails after the old daemon let go',
  { timeout: 180_000 },
  async () => {
    await using scene = await openScene();
    const { server, chain } = scene;
    for (let count = 0; count < 2; count += 1) {
      await scene.send();
      expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
      await scene.send();
      await scene.counted();
    }
    const toml = path.join(server.dataDir, 'server.toml');
    await fs.writeFile(toml, `listen_unix = ["${path.join(server.dir, 'no/such/folder.sock')}"]\n`);
    await scene.send();
    expect(await chain.reload()).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('before it was ready') as string,
    });
    await fs.rm(toml);
    await scene.send();
    await scene.counted();
  },
);

test(
  'no counter falls and none counts twice while a standby acts and when it gives back',
  { timeout: 180_000 },
  async () => {
    await using scene = await openScene();
    const { server, flags, chain, scraper } = scene;
    const places = ['--socket', server.socketPath, '--data-dir', server.dataDir, '--bind', '127.0.0.1'];
    const ports = ['--http-port', String(server.httpPort), '--https-port', String(server.httpsPort)];
    const own = [...places, ...ports, ...flags, '--workers', '2', '--acme', 'off'];
    const asStandby = [...own, '--standby', '--standby-interval', '200ms'];
    const standby = await startCaptured(serverProgram, asStandby, {});
    await standby.printed(/standby began to watch/, toldMs);
    await scene.send();
    await scraper.scrape();
    process.kill((await chain.status()).server.pid, 'SIGKILL');
    await standby.printed(/server was gone: the standby acts/, toldMs);
    await scene.send();
    await scene.counted();
    await scene.send();
    const returned = await startCaptured(serverProgram, own, {});
    await returned.printed(/server became ready/, toldMs);
    await scene.send();
    await scene.counted();
    standby.child.kill('SIGTERM');
    await standby.exited;
  },
);
