// Many clients that read late, in clear and over TLS, while buffers go round among their connections: each gets its own
// octets, none of another's.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Http2TestSession } from '../../conformance/http2-client.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp } from '../../conformance/test-app.ts';
import { makeCertificate } from '../../conformance/test-certificates.ts';
import { instanceAt, startPlane, testHost, until } from '../../conformance/test-plane.ts';

const clients = 5;
const streamsEach = 4;
/** Of all streams more than the kernel keeps for a connection on loopback, some 6 MB. */
const bodyBytes = 4_000_000;
/** So that windows hold nothing back. */
const windowBytes = 100_000_000;
const smallRequests = 40;

describe.each(http2Lanes)('$name: responses', (lane) => {
  test.each(['http', 'https'] as const)('to clients that read late are whole, over %s', async (scheme) => {
    const bodies = new Map<string, Buffer>();
    await using app = await startApp((message, response) => {
      const path = message.url ?? '';
      const size = path.startsWith('/small') ? 200 : bodyBytes;
      const body = bodies.get(path) ?? randomBytes(size);
      bodies.set(path, body);
      response.end(body);
    });
    await using plane = await startPlane(lane, {
      deployments: [{ instances: [instanceAt(app.port)] }],
      certificates: [await makeCertificate([testHost], true)],
      https: true,
    });
    const address =
      scheme === 'http' ? { port: plane.port } : { port: plane.httpsPort, serverName: testHost };
    const hashOf = (data: Buffer | undefined): string =>
      createHash('sha256')
        .update(data ?? '')
        .digest('hex');

    const readLate = async (
      client: Http2TestSession,
      paths: readonly string[],
      early: () => Promise<void>,
    ) => {
      await once(client.session, 'remoteSettings');
      client.session.setLocalWindowSize(windowBytes);
      client.session.settings({ initialWindowSize: windowBytes });
      await once(client.session, 'localSettings');
      const streams = paths.map((path) => client.open({ ':path': path }));
      await Promise.all(streams.map((stream) => once(stream, 'response')));
      // The kernel's buffers fill up; whatever the plane holds, it holds now.
      client.socket.pause();
      await early();
      client.socket.resume();
      return await Promise.all(
        streams.map(async (stream) => {
          const hash = createHash('sha256');
          stream.on('data', (chunk: Buffer) => hash.update(chunk));
          await once(stream, 'end');
          return hash.digest('hex');
        }),
      );
    };

    using busy = new Http2TestSession(address);
    const small = async (): Promise<void> => {
      for (let turn = 0; turn < smallRequests; turn += 1) {
        const path = `/small/${turn}`;
        const { body } = await busy.get(path);
        expect(Buffer.from(body, 'latin1').equals(bodies.get(path) ?? Buffer.alloc(0))).toBe(true);
      }
    };
    const sessions = Array.from({ length: clients }, () => new Http2TestSession(address));
    try {
      await Promise.all(
        sessions.map(async (client, index) => {
          const paths = Array.from({ length: streamsEach }, (_, each) => `/large/${index}/${each}`);
          const hashes = await readLate(client, paths, small);
          expect(hashes).toEqual(paths.map((path) => hashOf(bodies.get(path))));
        }),
      );
    } finally {
      for (const client of sessions) client[Symbol.dispose]();
    }
    await until(() => plane.plane.inspect().requests.inFlight === 0);
  });
});
