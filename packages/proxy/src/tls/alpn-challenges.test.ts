// TLS-ALPN-01 on a data plane with real sockets: validations and everybody else, at the same listener.
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { startApp } from '../conformance/test-app.ts';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { askerOf } from '../conformance/test-client.ts';
import { instanceAt, startPlane, testHost } from '../conformance/test-plane.ts';
import type { AlpnChallengeView } from '../control/messages.ts';
import { parseClientHello } from './client-hello.ts';

const lane = { name: 'all', lanes: 'all' } as const;
const host = 'new.example.com';

async function challengeFor(name: string): Promise<AlpnChallengeView> {
  const { certificate, privateKey } = await makeCertificate([name]);
  return { host: name, certificate, privateKey };
}

async function startWorld(pending: readonly AlpnChallengeView[]) {
  await using undo = new AsyncDisposableStack();
  const app = undo.use(await startApp());
  const certificates = [await makeCertificate([testHost]), await makeCertificate(['default.invalid'], true)];
  const plane = undo.use(
    await startPlane(lane, {
      deployments: [{ instances: [instanceAt(app.port)] }],
      certificates,
      https: true,
    }),
  );
  let version = 1;
  const publish = (alpnChallenges: readonly AlpnChallengeView[]): void => {
    plane.plane.receive({
      type: 'delta',
      delta: { base: version, version: version + 1, deployments: [], removed: [], alpnChallenges },
    });
    version += 1;
  };
  publish(pending);
  const resources = undo.move();
  return { app, plane, publish, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

interface Outcome {
  readonly protocol: string | false | null;
  readonly commonName: string | undefined;
  readonly bytes: number;
}

/** As a CA does it: one handshake, then the end. */
async function validate(port: number, over: ConnectionOptions = {}): Promise<Outcome> {
  const socket: TLSSocket = connectTls({
    port,
    host: '127.0.0.1',
    servername: host,
    ALPNProtocols: ['acme-tls/1'],
    rejectUnauthorized: false,
    ...over,
  });
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(socket, 'secureConnect');
  const { alpnProtocol: protocol } = socket;
  const commonName = String(socket.getPeerCertificate().subject.CN);
  if (!socket.readableEnded) await once(socket, 'end');
  socket.destroy();
  return { protocol, commonName, bytes };
}

/** What a client of Node's own says first. */
async function recordHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connectTls({ ...options, port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => undefined);
  const [socket] = await accepted;
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

describe('TLS-ALPN-01', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'answers a validation over %s and says nothing more',
    async (maxVersion) => {
      await using world = await startWorld([await challengeFor(host)]);
      expect(await validate(world.plane.httpsPort, { maxVersion })).toEqual({
        protocol: 'acme-tls/1',
        commonName: host,
        bytes: 0,
      });
    },
  );

  it('serves everybody else meanwhile, also the name that is validated', async () => {
    await using world = await startWorld([await challengeFor(host), await challengeFor(testHost)]);
    const ask = askerOf(lane);
    const port = world.plane.httpsPort;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ port, serverName: testHost })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [validated, answer] = await Promise.all([
      validate(port, { servername: testHost }),
      ask({ port, serverName: testHost, method: 'POST', body: 'x'.repeat(100_000) }),
    ]);
    expect([validated.protocol, answer.status]).toEqual(['acme-tls/1', 200]);
  });

  it('does not answer names without a challenge, or clients that speak more than it', async () => {
    await using world = await startWorld([await challengeFor(host)]);
    const port = world.plane.httpsPort;
    await expect(validate(port, { servername: 'other.example.com' })).rejects.toThrow(
      /no application protocol/i,
    );
    const client = connectTls({
      port,
      host: '127.0.0.1',
      servername: host,
      ALPNProtocols: ['acme-tls/1', 'http/1.1'],
      rejectUnauthorized: false,
    });
    await once(client, 'secureConnect');
    expect([client.alpnProtocol, client.getPeerCertificate().subject.CN]).toEqual([
      'http/1.1',
      'default.invalid',
    ]);
    client.destroy();
    world.publish([]);
    await expect(validate(port)).rejects.toThrow(/no application protocol/i);
  });

  it('takes a hello in pieces of one octet', async () => {
    await using world = await startWorld([await challengeFor(host)]);
    const front = createServer({ noDelay: true }, (incoming) => {
      const upstream = connectTcp({ port: world.plane.httpsPort, host: '127.0.0.1', noDelay: true });
      incoming.on('data', (chunk: Buffer) => {
        for (const octet of chunk) upstream.write(Buffer.of(octet));
      });
      incoming.on('end', () => upstream.end());
      incoming.on('error', () => upstream.destroy());
      upstream.on('error', () => incoming.destroy());
      upstream.pipe(incoming);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    expect(await validate((front.address() as AddressInfo).port)).toMatchObject({ protocol: 'acme-tls/1' });
    front.close();
  });

  it('closes a connection that says nothing, and one that is no TLS', async () => {
    await using world = await startWorld([await challengeFor(host)]);
    const talker = connectTcp({ port: world.plane.httpsPort, host: '127.0.0.1' });
    talker.on('error', () => undefined);
    talker.write('GET / HTTP/1.1\r\n\r\n');
    await once(talker, 'close');
    const leaver = connectTcp({ port: world.plane.httpsPort, host: '127.0.0.1' });
    leaver.end();
    await once(leaver, 'close');
  });
});

describe('a ClientHello', () => {
  it('is read from what clients send, in any division', async () => {
    const bytes = await recordHello({ servername: 'A.example.com', ALPNProtocols: ['h2', 'http/1.1'] });
    const wanted = {
      kind: 'hello',
      serverName: 'a.example.com',
      protocols: ['h2', 'http/1.1'],
      ticketKeyName: null,
    };
    expect(parseClientHello(bytes)).toEqual(wanted);
    for (let length = 0; length < bytes.length; length += 1)
      expect(parseClientHello(bytes.subarray(0, length))).toEqual({ kind: 'more' });
    // The same message in records of ten bytes each (RFC 8446 §5.1 allows it).
    const message = bytes.subarray(5);
    const records: Buffer[] = [];
    for (let at = 0; at < message.length; at += 10) {
      const part = message.subarray(at, at + 10);
      records.push(Buffer.from([22, 3, 1, 0, part.length]), part);
    }
    expect(parseClientHello(Buffer.concat(records))).toEqual(wanted);
  });

  it('without extensions that matter has no name and no protocols', async () => {
    expect(parseClientHello(await recordHello({}))).toEqual({
      kind: 'hello',
      serverName: null,
      protocols: [],
      ticketKeyName: null,
    });
  });

  it('that is none, too large or broken is said to be none', async () => {
    expect(parseClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ kind: 'none' });
    expect(parseClientHello(Buffer.from([22, 3, 1, 0, 0]))).toEqual({ kind: 'none' });
    expect(parseClientHello(Buffer.from([22, 3, 1, 0x40, 1, 1]))).toEqual({ kind: 'none' });
    expect(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).toEqual({ kind: 'none' });
    expect(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x40, 1]))).toEqual({ kind: 'none' });
    expect(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x40, 0]))).toEqual({ kind: 'more' });
    const bytes = await recordHello({ servername: 'a.example.com' });
    for (let at = 9; at < bytes.length; at += 1) {
      const broken = Buffer.from(bytes);
      broken[at] = 0xff;
      expect(['none', 'hello']).toContain(parseClientHello(broken).kind);
    }
  });
});
