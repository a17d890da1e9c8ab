// Metrics of a whole daemon with real workers, read by a strict reader: over the workers, over the death of one, and
// for an app that is woken.
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { plainApp, quickRollout } from '../testing/apps.ts';
import { createTestAuthority } from '../testing/certificate-authority.ts';
import { httpGet } from '../testing/http-get.ts';
import { parseExposition } from '../testing/parse-exposition.ts';
import { runDaemon } from '../testing/running-daemon.ts';
import type { RunningDaemon } from '../testing/running-daemon.ts';

const manifest = { rollout: quickRollout, https_redirect: false };
const server = hostname();

interface Scrape {
  readonly families: ReturnType<typeof parseExposition>;
  /** undefined: there is no such series. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
}

async function metricsPort({ client }: RunningDaemon): Promise<number> {
  const { ports } = await client.api.server_info.query(undefined);
  return Number(ports.metrics[0]?.split(':').at(-1));
}

async function scrape(port: number): Promise<Scrape> {
  const { status, body, headers } = await httpGet(port, 'localhost', '/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = parseExposition(body);
  const samples = [...families.values()].flatMap((family) => family.samples);
  return {
    families,
    value: (name, labels = {}) =>
      samples.find(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
      )?.value,
  };
}

/** Asks again until the workers have told it: they do so once a second. */
async function scrapeUntil(port: number, fits: (found: Scrape) => boolean): Promise<Scrape> {
  for (;;) {
    const found = await scrape(port);
    if (fits(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ok = { app: 'web', status: '200' };

test('counts over all workers, and goes on where a worker died', { timeout: 60_000 }, async () => {
  await using running = await runDaemon({ flags: ['--workers', '2', '--metrics-listen', '127.0.0.1:0'] });
  const port = await metricsPort(running);
  await running.deploy({ version: 'v1', files: plainApp('v1'), manifest });
  for (let count = 0; count < 40; count += 1) await httpGet(running.httpPort, 'web.example.com');
  await httpGet(running.httpPort, 'nobody.example.com');
  const first = await scrapeUntil(
    port,
    ({ value }) =>
      value('tako_http_requests_total', ok) === 40 && value('tako_http_requests_total', { app: '' }) === 1,
  );
  expect(first.value('tako_http_requests_total', { server, app: '', status: '404' })).toBe(1);
  expect(first.value('tako_http_request_duration_seconds_count', { server, app: 'web' })).toBe(40);
  expect(first.value('tako_upstream_duration_seconds_bucket', { app: 'web', le: '+Inf' })).toBe(40);
  expect(first.value('tako_http_connections_total')).toBe(41);
  expect(first.value('tako_instances_running', { app: 'web' })).toBe(1);
  expect(first.value('tako_instance_health', { app: 'web' })).toBe(1);
  expect(first.value('tako_workers_running')).toBe(2);
  expect(first.value('process_cpu_seconds_total', { process: 'workers' })).toBeGreaterThan(0);
  expect(first.value('process_resident_memory_bytes', { process: 'control' })).toBeGreaterThan(2 ** 24);

  const { workers } = await running.client.api.server_info.query(undefined);
  process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
  await expect
    .poll(async () => (await running.client.api.server_info.query(undefined)).workers.map(({ pid }) => pid), {
      timeout: 10_000,
    })
    .not.toContain(workers[0]?.pid);
  for (let count = 0; count < 10; count += 1) await httpGet(running.httpPort, 'web.example.com');
  const second = await scrapeUntil(port, ({ value }) => (value('tako_http_requests_total', ok) ?? 0) >= 50);
  expect(second.value('tako_http_requests_total', ok)).toBe(50);
  expect(second.value('process_cpu_seconds_total', { process: 'workers' })).toBeGreaterThanOrEqual(
    first.value('process_cpu_seconds_total', { process: 'workers' }) ?? 0,
  );
  const { deployments } = await running.client.api.status.query({});
  expect(deployments[0]?.requestsPerSecond).toBeGreaterThan(0);
  expect(deployments[0]?.memoryBytes).toBeGreaterThan(2 ** 20);
});

test('tells cold starts, and nothing of an app that was deleted', async () => {
  await using running = await runDaemon({ flags: ['--metrics-listen', '127.0.0.1:0'] });
  const port = await metricsPort(running);
  await running.deploy({
    version: 'v1',
    files: plainApp('v1'),
    manifest: { ...manifest, instances: 0, idle_timeout_s: 1 },
  });
  await scrapeUntil(port, ({ value }) => value('tako_instances_running', { app: 'web' }) === 0);
  expect((await httpGet(running.httpPort, 'web.example.com')).status).toBe(200);
  const woken = await scrapeUntil(port, ({ value }) => value('tako_http_requests_total', ok) === 1);
  expect(woken.value('tako_cold_starts_total', { server, app: 'web', result: 'started' })).toBe(1);
  expect(woken.value('tako_cold_start_duration_seconds_count', { app: 'web' })).toBe(1);
  await running.locked('web', (token) => running.client.api.delete.mutate({ deploymentId: 'web', token }));
  const after = await scrape(port);
  expect(
    [...after.families.values()].flatMap(({ samples }) => samples.map(({ labels }) => labels['app'])),
  ).not.toContain('web');
});

test('tells how it goes with the certificate of each name', { timeout: 30_000 }, async () => {
  const nobody = 'https://127.0.0.1:1/directory';
  await using running = await runDaemon({
    flags: `--metrics-listen 127.0.0.1:0 --acme on --acme-check false --acme-directory ${nobody}`.split(' '),
  });
  const port = await metricsPort(running);
  const name = 'web.example.com';
  await running.deploy({ version: 'v1', files: plainApp('v1'), manifest, routes: [name] });
  const refused = await scrapeUntil(
    port,
    ({ value }) => value('tako_certificate_orders_total', { server, result: 'failed' }) === 1,
  );
  expect(refused.value('tako_certificate_failures', { server, name })).toBe(1);
  const nextTry = refused.value('tako_certificate_next_try_timestamp_seconds', { server, name });
  expect(nextTry).toBeGreaterThan(Date.now() / 1_000);
  expect(refused.value('tako_certificate_expiry_timestamp_seconds', { name })).toBeUndefined();

  const notAfter = (Math.floor(Date.now() / 1_000) + 86_400) * 1_000;
  const authority = await createTestAuthority(Date.now());
  const pair = await authority.issue({ names: [name], notBefore: Date.now() - 60_000, notAfter });
  const { leaf: certificate, privateKey } = pair;
  await running.client.api.add_certificate.mutate({ certificate, privateKey });
  // Whoever has been given a certificate for it asks nobody for another.
  const given = await scrapeUntil(
    port,
    ({ value }) => value('tako_certificate_failures', { name }) === undefined,
  );
  expect(given.value('tako_certificate_expiry_timestamp_seconds', { name, issuer: 'Test CA' })).toBe(
    notAfter / 1_000,
  );
});

test('answers GET and HEAD of /metrics and nothing else', async () => {
  await using running = await runDaemon({ flags: ['--metrics-listen', '127.0.0.1:0'] });
  const url = `http://127.0.0.1:${await metricsPort(running)}`;
  expect((await fetch(`${url}/`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  const head = await fetch(`${url}/metrics?from=here`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a daemon that boots again goes on counting where the one before it ended', async () => {
  const flags = ['--metrics-listen', '127.0.0.1:0'];
  const first = await runDaemon({ flags, keep: true });
  await first.deploy({ version: 'v1', files: plainApp('v1'), manifest });
  for (let count = 0; count < 5; count += 1) await httpGet(first.httpPort, 'web.example.com');
  const before = await scrapeUntil(
    await metricsPort(first),
    ({ value }) => value('tako_http_requests_total', ok) === 5,
  );
  await first[Symbol.asyncDispose]();
  await using second = await runDaemon({ flags, directory: first.directory });
  const port = await metricsPort(second);
  const after = await scrape(port);
  for (const { name, type, samples } of before.families.values()) {
    if (type !== 'counter' || name.startsWith('process_')) continue;
    for (const { labels, value } of samples) expect(after.value(name, labels)).toBeGreaterThanOrEqual(value);
  }
  await expect
    .poll(async () => (await httpGet(second.httpPort, 'web.example.com')).status, { timeout: 10_000 })
    .toBe(200);
  await scrapeUntil(port, ({ value }) => value('tako_http_requests_total', ok) === 6);
});
