// Conformance: requests to apps that speak HTTP/2 in clear text that end early, by any side's doing, or are held back.
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerWith, bodyOf, startH2cApp } from '../upstream/testing/h2c-app.ts';
import { Http2TestSession } from './http2-client.ts';
import { askerOf, headOf, http1TestOf, RawClient } from './test-client.ts';
import { h2cInstanceAt, startPlane, testHost, until, type LaneUnderTest, standsStill } from './test-plane.ts';

const host = `Host: ${testHost}`;
const broken = (): Error => new Error('The app breaks off');

/** Pours until it is told to wait; says how much it got rid of. */
function pour(stream: ServerHttp2Stream, totalBytes: number, wrote: (bytes: number) => void): void {
  const chunk = Buffer.alloc(64 * 1024);
  let written = 0;
  stream.respond({ ':status': 200 });
  const more = (): void => {
    while (written < totalBytes) {
      written += chunk.length;
      wrote(written);
      if (!stream.write(chunk)) {
        stream.once('drain', more);
        return;
      }
    }
    stream.end();
  };
  more();
}

export function describeH2cEndings(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);

  describe(`endings of HTTP/2 apps (${lane.name})`, () => {
    test('a stream that the app resets is 502, or a response that is seen to be broken', async () => {
      await using app = await startH2cApp((stream, fields) => {
        if (fields[':path'] === '/half') {
          stream.respond({ ':status': 200 });
          stream.write('half');
          setTimeout(() => stream.destroy(broken()), 20);
        } else if (fields[':path'] === '/') answerWith(stream, 'ok');
        else stream.destroy(broken());
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      expect((await ask({ port: plane.port, path: '/broken' })).status).toBe(502);
      await expect(ask({ port: plane.port, path: '/half' })).rejects.toThrow(/abort|reset|hang up/i);
      expect((await ask({ port: plane.port })).body).toBe('ok');
      expect(app.accepted()).toBe(1);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });

    test('a client that goes away is a stream that is cancelled, before the head and in the body', async () => {
      const codes: number[] = [];
      await using app = await startH2cApp((stream, fields) => {
        stream.once('close', () => codes.push(stream.rstCode));
        if (fields[':path'] !== '/begun') return;
        stream.respond({ ':status': 200 });
        stream.write('begun');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      for (const path of ['/waiting', '/begun']) {
        const before = app.seen.length;
        if (lane.client === 'http2') {
          using client = new Http2TestSession({ port: plane.port });
          const stream = client.open({ ':path': path });
          await until(() => app.seen.length > before);
          if (path === '/begun') await once(stream, 'data');
          stream.close(constants.NGHTTP2_CANCEL);
          await until(() => codes.length > before);
        } else {
          using client = await RawClient.open(plane.port);
          client.send(headOf(`GET ${path} HTTP/1.1`, host));
          await until(() => app.seen.length > before);
          if (path === '/begun') await client.receives((text) => text.includes('begun'));
          client.socket.resetAndDestroy();
          await until(() => codes.length > before);
        }
      }
      expect(codes).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
      expect(app.accepted()).toBe(1);
    });

    http1('an upload that breaks off is never a whole request for the app', async () => {
      const ends: boolean[] = [];
      await using app = await startH2cApp((stream) => {
        void bodyOf(stream).then(
          () => ends.push(stream.rstCode === 0),
          () => ends.push(false),
        );
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked') + '4\r\nfour\r\n');
      await until(() => app.seen.length === 1);
      client.socket.resetAndDestroy();
      await until(() => ends.length === 1);
      expect(ends).toEqual([false]);
    });

    http1('the app is held back while a client does not read, and others go on beside it', async () => {
      const total = 64 * 1024 * 1024;
      let written = 0;
      await using app = await startH2cApp((stream, fields) => {
        if (fields[':path'] === '/large') pour(stream, total, (bytes) => (written = bytes));
        else answerWith(stream, 'small');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET /large HTTP/1.1', host));
      await client.receives((received) => received.length > 1024);
      client.socket.pause();
      await standsStill(() => written);
      expect(written).toBeLessThan(24 * 1024 * 1024);
      for (let turn = 0; turn < 20; turn += 1) expect((await ask({ port: plane.port })).body).toBe('small');
      client.socket.resume();
      await until(() => written >= total);
      await client.receives((received) => received.length > total);
    });

    http1('a client is held back while the app does not read', async () => {
      const total = 64 * 1024 * 1024;
      const held: ServerHttp2Stream[] = [];
      await using app = await startH2cApp((stream) => void held.push(stream.pause()));
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('POST / HTTP/1.1', host, `Content-Length: ${total}`));
      const chunk = Buffer.alloc(64 * 1024);
      let sent = 0;
      const more = (): void => {
        while (sent < total) {
          sent += chunk.length;
          if (!client.socket.write(chunk)) {
            client.socket.once('drain', more);
            return;
          }
        }
      };
      more();
      await until(() => held.length > 0);
      await standsStill(() => sent);
      expect(sent).toBeLessThan(24 * 1024 * 1024);
      for (const stream of held) void bodyOf(stream).then((body) => answerWith(stream, String(body.length)));
      expect(await client.receives((text) => text.includes(String(total)))).toContain(String(total));
    });
  });
}
