// Behind a real HAProxy that sends PROXY headers of both versions, with all its options, over plain connections, TLS
// passed through and TLS that it terminates; and its health checks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../conformance/test-app.ts';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { instanceAt, startPlane, testHost } from '../conformance/test-plane.ts';

const program = '/usr/sbin/haproxy';
const hasHaproxy = existsSync(program);
if (!hasHaproxy && process.env['TAKO_TEST_ALL'] === '1')
  throw new Error(`${program} is missing (Debian package haproxy)`);

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

const options = 'send-proxy-v2 proxy-v2-options crc32c,ssl,cert-cn,authority,unique-id';

function configOf(front: {
  readonly ports: readonly number[];
  readonly http: number;
  readonly https: number;
  readonly pem: string;
}): string {
  const [one, two, passed, ended] = front.ports;
  const pair = (name: string, bind: string, server: string): string =>
    `frontend ${name}\n  bind 127.0.0.1:${bind}\n  unique-id-format %{+X}o%ci%cp%rt\n  default_backend ${name}\nbackend ${name}\n  server plane 127.0.0.1:${server}\n`;
  return `global
  log stderr format raw daemon
defaults
  mode tcp
  log global
  timeout connect 5s
  timeout client 10s
  timeout server 10s
${pair('one', String(one), `${front.http} send-proxy`)}
${pair('two', String(two), `${front.http} ${options} check inter 100ms check-send-proxy`)}
${pair('passed', String(passed), `${front.https} ${options}`)}
${pair('ended', `${ended} ssl crt ${front.pem}`, `${front.http} ${options}`)}
`;
}

/** From an address of its own: HAProxy itself comes from 127.0.0.1. */
function ask(port: number, localAddress: string, secure: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const input = {
      host: '127.0.0.1',
      port,
      localAddress,
      headers: { host: testHost },
      agent: false,
      servername: testHost,
      rejectUnauthorized: false,
    };
    const request = (secure ? https : http).get(input, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

test.runIf(hasHaproxy)(
  `HAProxy in front: the app hears of the real client${hasHaproxy ? '' : ' (skipped: haproxy is missing)'}`,
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'tako-haproxy-'));
    await using _removed = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
    await using app = await startApp();
    const certificate = await makeCertificate([testHost], true);
    await using plane = await startPlane(
      { name: 'fast lane first', lanes: 'all' },
      {
        deployments: [{ instances: [instanceAt(app.port)] }],
        certificates: [certificate],
        https: true,
        options: { proxyProtocol: 'any', trustedProxies: ['127.0.0.1'], limits: { metricsIntervalMs: 20 } },
      },
    );
    const ports = await freePorts(4);
    const pem = path.join(directory, 'both.pem');
    await writeFile(pem, `${certificate.certificate}\n${certificate.privateKey}\n`);
    const file = path.join(directory, 'haproxy.cfg');
    await writeFile(file, configOf({ ports, http: plane.port, https: plane.httpsPort, pem }));
    const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const gone = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
    const failed = gone.then(() => {
      throw new Error(`HAProxy ended: ${said}`);
    });
    failed.catch(() => undefined);
    // Its health checks with LOCAL headers reach the plane: then it serves.
    const checked = plane.hears('metrics', ({ metrics }) => metrics.counters.connectionsAccepted > 0);
    await Promise.race([checked, failed]);
    const [one = 0, two = 0, passed = 0, ended = 0] = ports;
    expect(await ask(one, '127.0.0.11', false)).toBe(200);
    expect(await ask(two, '127.0.0.12', false)).toBe(200);
    expect(await ask(passed, '127.0.0.13', true)).toBe(200);
    expect(await ask(ended, '127.0.0.14', true)).toBe(200);
    expect(
      app.seen.map(({ headers }) => [
        headers['x-real-ip'],
        headers['x-forwarded-proto'],
        headers['x-forwarded-port'],
      ]),
    ).toEqual([
      ['127.0.0.11', 'http', String(one)],
      ['127.0.0.12', 'http', String(two)],
      ['127.0.0.13', 'https', String(passed)],
      ['127.0.0.14', 'https', String(ended)],
    ]);
    expect(plane.reports.filter(({ level }) => level === 'warn')).toEqual([]);
  },
);
