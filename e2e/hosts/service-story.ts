// What the stories about the service share: one host for a file of tests, a crowd of clients, waiting for systemd's
// view to change. A test leaves the service running for the next one, whichever that is.
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, expect, onTestFailed } from 'vitest';
import { type Load, startLoad } from '../load/load-generator.ts';
import type { Report } from '../load/tally.ts';
import { countsTable } from '../zero-loss/counts-table.ts';
import { eventually } from '../zero-loss/eventually.ts';
import type { NspawnHost } from './nspawn-host.ts';
import {
  type HostProcess,
  type ServiceHost,
  deployLoadApp,
  loadAppHost,
  serviceFacts,
  serviceProcesses,
  startServiceHost,
  withServer,
} from './service-host.ts';

/** Five seconds on an idle machine, and two cores shared with others. */
const changeTimeoutMs = 90_000;
/** Of the service's last words, shown with a test that failed. */
const journalLines = 80;

/** The host is made by the first test that wants it and goes with the last. */
export function sharedServiceHost(): () => Promise<NspawnHost> {
  let started: Promise<ServiceHost> | null = null;
  afterAll(async () => {
    // A host that did not start has cleaned up, and the test that wanted it has said so.
    const service = await started?.catch(() => null);
    await service?.[Symbol.asyncDispose]();
  }, 120_000);
  return async () => {
    started ??= startServiceHost();
    const { host } = await started;
    onTestFailed(async () => {
      console.log((await host.journal('tako-server')).split('\n').slice(-journalLines).join('\n'));
    });
    await host.sh('systemctl start tako-server');
    await withServer(host, async (client) => {
      if ((await client.api.list.query()).length === 0)
        await deployLoadApp(client, { version: 'v1', instances: 2 });
    });
    return host;
  };
}

/** A few of each kind: what is measured is loss, on a machine that does other things, too. */
export function startServiceLoad(host: NspawnHost, scheme: 'http' | 'https' = 'http'): Load {
  return startLoad({
    url: `${scheme}://${loadAppHost}`,
    address: host.address,
    clients: {
      fresh: 4,
      keepAlive: 8,
      upload: 1,
      download: 1,
      webSocket: 4,
      eventStream: 2,
      ...(scheme === 'https' && { http2: 2 }),
    },
    thinkMs: 40,
    uploadBytes: 128 * 1024,
    uploadBytesPerSecond: 512 * 1024,
    downloadBytes: 256 * 1024,
    downloadBytesPerSecond: 1024 * 1024,
    messageIntervalMs: 200,
  });
}

/** Ends the load; it must have done something and failed in nothing. */
export async function expectNoLoss(load: Load, title: string): Promise<Report> {
  const report = await load.stop();
  console.log(countsTable(title, report));
  expect(report.failures).toEqual([]);
  expect(report.failed).toBe(0);
  expect(report.sent).toBeGreaterThan(100);
  return report;
}

/** PIDs of the load app's instances, in order. */
export async function appPids(host: NspawnHost): Promise<number[]> {
  return (await serviceProcesses(host))
    .filter((one) => isApp(one) && one.command.endsWith('main.js'))
    .map(({ pid }) => pid);
}

/** Each deployment has a user of its own, above those of people and of the system. */
export function isApp({ uid }: HostProcess): boolean {
  return uid >= 70_000;
}

export async function mainPid(host: NspawnHost): Promise<number> {
  return Number((await serviceFacts(host))['MainPID']);
}

/** Another main process than `before`, which has said that it is ready, and a server that answers as that process. */
export async function whenSucceeded(host: NspawnHost, before: number): Promise<number> {
  const pid = await eventually(`another main process than ${before}`, changeTimeoutMs, async () => {
    const facts = await serviceFacts(host);
    const isReady = facts['ActiveState'] === 'active' && facts['SubState'] === 'running';
    const now = Number(facts['MainPID']);
    return isReady && now !== before && now !== 0 ? now : null;
  });
  await withServer(host, async (client) => expect((await client.api.server_info.query()).pid).toBe(pid));
  return pid;
}

/** One request on a connection of its own. */
export async function ask(host: NspawnHost, path = '/who', name = loadAppHost): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const options = {
    host: host.address,
    path,
    headers: { host: name },
    agent: false,
    timeout: changeTimeoutMs,
  };
  http.get(options, resolve).on('error', reject);
  const response = await promise;
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${name}${path} answered ${response.statusCode}: ${body}`);
  return body;
}

/** Resolves when the load has had so many more answers. */
export async function untilMore(load: Load, requests: number): Promise<void> {
  const wanted = load.report().ok + requests;
  await eventually(`${requests} more requests`, changeTimeoutMs, () =>
    load.report().ok >= wanted ? true : null,
  );
}
