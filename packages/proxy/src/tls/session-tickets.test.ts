// Session tickets that any worker takes (spec 50, TLS), and certificates swapped under a connection.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startApp } from '../conformance/test-app.ts';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { headOf } from '../conformance/test-client.ts';
import {
  instanceAt,
  startPlane,
  testHost,
  type TestPlane,
  type TestPlaneInput,
} from '../conformance/test-plane.ts';

const lane = { name: 'fast lane first', lanes: 'all' } as const;
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const newKeys = (): string => randomBytes(48).toString('base64');

interface Visit {
  readonly reused: boolean;
  readonly session: Buffer;
  readonly commonName: unknown;
}

/** One request; TLS 1.3 tickets come after the handshake, with the answer at the latest. */
async function visit(
  plane: TestPlane,
  version: (typeof versions)[number],
  { session, servername = testHost }: { session?: Buffer; servername?: string } = {},
): Promise<Visit> {
  const socket = connect({
    port: plane.httpsPort,
    host: '127.0.0.1',
    servername,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session === undefined ? {} : { session }),
  });
  let ticket: Buffer | undefined;
  socket.on('session', (each: Buffer) => (ticket = each));
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  const commonName = socket.getPeerCertificate().subject?.CN;
  await answered(socket);
  socket.destroy();
  return { reused, session: ticket ?? socket.getSession() ?? Buffer.alloc(0), commonName };
}

async function answered(socket: TLSSocket): Promise<string> {
  socket.write(headOf('GET / HTTP/1.1', `Host: ${testHost}`));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString('latin1');
}

describe.each(versions)('session tickets of %s', (version) => {
  const start = async (input: Partial<TestPlaneInput>): Promise<TestPlane> =>
    await startPlane(lane, { deployments: [], https: true, ...input });

  test('resume at another worker with the same keys, by name and without', async () => {
    const certificates = [
      await makeCertificate([testHost]),
      await makeCertificate(['default.invalid'], true),
    ];
    const ticketKeys = newKeys();
    await using one = await start({ certificates, ticketKeys });
    await using two = await start({ certificates, ticketKeys });
    for (const servername of [testHost, 'unknown.example.org']) {
      const first = await visit(one, version, { servername });
      expect(first.reused).toBe(false);
      const second = await visit(two, version, { servername, session: first.session });
      expect(second.reused).toBe(true);
    }
  });

  test('do not resume with other keys, but the handshake succeeds', async () => {
    const certificates = [await makeCertificate([testHost], true)];
    await using one = await start({ certificates, ticketKeys: newKeys() });
    await using two = await start({ certificates, ticketKeys: newKeys() });
    const { session } = await visit(one, version);
    expect((await visit(two, version, { session })).reused).toBe(false);
  });

  test('survive a new certificate and a rotation of the keys, and end with the keys before', async () => {
    const ticketKeys = newKeys();
    const deployments: TestPlaneInput['deployments'] = [];
    await using plane = await start({ certificates: [await makeCertificate([testHost], true)], ticketKeys });
    const { session } = await visit(plane, version);
    const renewed = [await makeCertificate([testHost], true)];
    plane.snapshot({ deployments, certificates: renewed, ticketKeys });
    expect((await visit(plane, version, { session })).reused).toBe(true);
    const rotated = { deployments, certificates: renewed, ticketKeys: newKeys() };
    plane.snapshot({ ...rotated, previousTicketKeys: ticketKeys });
    expect((await visit(plane, version, { session })).reused).toBe(true);
    // Who comes without a ticket, or with one of the new keys, has to do with the new keys only.
    const fresh = await visit(plane, version);
    expect(fresh.reused).toBe(false);
    expect((await visit(plane, version, { session: fresh.session })).reused).toBe(true);
    plane.snapshot(rotated);
    expect((await visit(plane, version, { session })).reused).toBe(false);
    expect((await visit(plane, version, { session: fresh.session })).reused).toBe(true);
  });
});

describe('ticket keys', () => {
  test('of a wrong length are left out and reported, and everything else is applied', async () => {
    const certificates = [await makeCertificate([testHost], true)];
    await using plane = await startPlane(lane, {
      deployments: [],
      certificates,
      https: true,
      ticketKeys: randomBytes(47).toString('base64'),
    });
    expect(plane.reports).toMatchObject([{ level: 'error', sentence: 'session ticket keys left out' }]);
    expect((await visit(plane, 'TLSv1.3')).commonName).toBe(testHost);
  });
});

describe('a new certificate', () => {
  test('is served to new connections, while one that stands goes on', async () => {
    await using app = await startApp((_message, response) => response.end('served'));
    const deployments = [{ instances: [instanceAt(app.port)] }];
    await using plane = await startPlane(lane, {
      deployments,
      certificates: [await makeCertificate([testHost])],
      https: true,
    });
    const socket = connect({
      port: plane.httpsPort,
      host: '127.0.0.1',
      servername: testHost,
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    expect(await answered(socket)).toContain('served');
    const before = socket.getPeerCertificate().fingerprint256;
    plane.snapshot({ deployments, certificates: [await makeCertificate([testHost])] });
    expect(await answered(socket)).toContain('served');
    const next = connect({
      port: plane.httpsPort,
      host: '127.0.0.1',
      servername: testHost,
      rejectUnauthorized: false,
    });
    await once(next, 'secureConnect');
    expect(next.getPeerCertificate().fingerprint256).not.toBe(before);
    socket.destroy();
    next.destroy();
  });
});
