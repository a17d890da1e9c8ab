// Certificates by themselves with Debian's pebble as the CA, which refuses nonces and reuses authorisations as often as
// it does by default, and validates for real through a DNS of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withLock } from '@tako/protocol/client';
import { startFaultyCa } from '@tako/server/issuer-testing/faulty-ca';
import { hasPebble, startPebble, type PebbleOptions } from '@tako/server/issuer-testing/pebble';
import { expect, test } from 'vitest';
import { followDaemon } from '../handoff/daemon-chain.ts';
import { startLoad } from '../load/load-generator.ts';
import { freePort } from '../support/free-port.ts';
import { deployed, hostOf, lockOf } from '../support/test-release.ts';
import { startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { openStage } from '../zero-loss/stage.ts';
import { connectTrusted, type TrustedConnection } from './trusted-connection.ts';

const host = 'load.example.com';

/** pebble, the port that its validations go to, and the flags of a server that asks it. */
async function openCa(options: PebbleOptions = {}) {
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-ca-'));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const httpPort = await freePort();
  const pebble = resources.use(await startPebble({ ...options, httpPort }));
  const caFile = path.join(directory, 'ca.pem');
  await writeFile(caFile, pebble.caPem);
  const kept = resources.move();
  return {
    pebble,
    httpPort,
    orders: () => pebble.output.match(/Added order/g)?.length ?? 0,
    flags: (at: string) =>
      `--acme on --acme-check false --acme-directory ${at} --acme-ca-file ${caFile}`.split(' '),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Those of twelve new connections, which both workers take part in. */
async function serialsOf(place: { port: number; ca: string }): Promise<Set<string>> {
  const connections = await Promise.all(Array.from({ length: 12 }, () => connectTrusted({ ...place, host })));
  for (const { socket } of connections) socket.destroy();
  return new Set(connections.map(({ serial }) => serial));
}

test.skipIf(!hasPebble)(
  'a deploy is served a trusted certificate within seconds, which is renewed under load with no handshake failed and no connection cut',
  { timeout: 150_000 },
  async () => {
    // Of such a short one half is its time: renewed twenty seconds after its issue, with as many to spare.
    await using ca = await openCa({ validitySeconds: 40 });
    const server = { httpPort: ca.httpPort, args: ca.flags(ca.pebble.directory) };
    await using stage = await openStage({ instances: 1, server });
    await deployed(stage.server.client, { id: 'gone', version: 'v1' });
    const { api } = stage.server.client;
    const statesOf = async (id: string) =>
      (await api.certificates.query(undefined)).flatMap(({ names, state }) =>
        names[0] === hostOf(id) ? [state] : [],
      );
    await until('the certificate of the other app', async () => (await statesOf('gone'))[0] === 'valid');
    await withLock(stage.server.client, lockOf('gone'), async ({ token }) =>
      Array.fromAsync(await api.delete.mutate({ deploymentId: 'gone', token })),
    );
    await stage.ship();
    const deployedAt = performance.now();
    const place = { port: stage.server.httpsPort, ca: await ca.pebble.root(), host };
    using standing: TrustedConnection = await until('a trusted certificate', () =>
      connectTrusted(place).catch(() => null),
    );
    const servedAfterMs = Math.round(performance.now() - deployedAt);
    expect(await standing.ask()).toBe('HTTP/1.1 200 OK');
    await using load = startLoad({
      url: stage.url,
      verifyCertificate: true,
      ca: place.ca,
      clients: { fresh: 6, keepAlive: 6, http2: 4, webSocket: 2 },
      thinkMs: 40,
    });
    const renewed = await until(
      'another certificate',
      async () => {
        const { serial, socket } = await connectTrusted(place);
        socket.destroy();
        return serial === standing.serial ? null : serial;
      },
      60_000,
    );
    expect(renewed).not.toBe(standing.serial);
    expect([...(await serialsOf(place))]).not.toContain(standing.serial);
    const report = await load.stop();
    console.log(`served ${servedAfterMs} ms after the deploy; ${report.ok} requests over the renewal`);
    expect(report.reasons).toEqual({});
    expect(report.failed).toBe(0);
    // Whoever was connected before the renewal still is.
    expect(await standing.ask()).toBe('HTTP/1.1 200 OK');
    // That of the deleted app was due before, and nobody asked for another.
    expect(stage.server.log().match(/"app":"gone".*certificate was issued/g)).toHaveLength(1);
    expect((await statesOf('gone')).filter((state) => state !== 'unused')).toEqual([]);
  },
);

test.skipIf(!hasPebble)(
  'an order that a kill -9 or a reload of the daemon interrupts goes on in the next one, and is not placed twice',
  { timeout: 150_000 },
  async () => {
    await using ca = await openCa();
    await using front = await startFaultyCa(ca.pebble);
    const validating = (): boolean => front.calls.some((call) => call.includes('/chalZ/'));
    const hold = (): void => {
      front.calls.length = 0;
      front.fault = ({ path: called }) => (called.startsWith('/chalZ/') ? 'hang' : null);
    };
    const args = ca.flags(front.directory);
    const killed = await startTestServer({ httpPort: ca.httpPort, args });
    hold();
    await deployed(killed.client, { id: 'web', version: 'v1' });
    await until('an order half done', validating);
    await killed.kill();
    front.fault = () => null;
    await using server = await killed.restart();
    const place = { port: server.httpsPort, ca: await ca.pebble.root() };
    const served = (id: string) =>
      until(`a trusted certificate for ${id}`, async () => {
        const connection = await connectTrusted({ ...place, host: hostOf(id) }).catch(() => null);
        connection?.socket.destroy();
        return connection !== null;
      });
    await served('web');
    expect(ca.orders()).toBe(1);
    hold();
    await deployed(server.client, { id: 'api', version: 'v1' });
    await until('another order half done', validating);
    await using chain = followDaemon(server);
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    front.fault = () => null;
    await served('api');
    expect(ca.orders()).toBe(2);
  },
);
