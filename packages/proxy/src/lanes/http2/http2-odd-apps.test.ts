// What apps may answer that HTTP/1.1 carries and HTTP/2 does not, or only just; and what a client may do with it.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { answerOf, askHttp2, Http2TestSession } from '../../conformance/http2-client.ts';
import {
  endHeaders,
  fieldBlock,
  frame,
  frameType,
  RawHttp2Client,
  usualFields,
} from '../../conformance/http2-frames.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startRawApp } from '../../conformance/test-app.ts';
import { headOf } from '../../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until } from '../../conformance/test-plane.ts';

const cancelled = 8;
const websocket = { ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' };
/** SETTINGS_INITIAL_WINDOW_SIZE 0: no octet of any body is taken. */
const noWindow = frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));

describe.each(http2Lanes)('$name: an app', (lane) => {
  test('that ends a value with an octet above ASCII has it passed on, white space around it not', async () => {
    // UTF-8 of `voilà`: as characters the last octet is a space that does not break.
    const value = 'voil\u00c3\u00a0';
    await using app = await startRawApp((socket) => {
      socket.on('data', () => {
        const head = headOf('HTTP/1.1 200 OK', `X-Name: \t${value} \t`, 'X-None: ', 'Content-Length: 0');
        socket.write(head, 'latin1');
      });
    });
    await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    const { headers } = await askHttp2({ port: plane.port });
    expect([headers['x-name'], headers['x-none']]).toEqual([value, '']);
  });

  test('that tells a length with 204 has it left out, however it is written', async () => {
    await using app = await startRawApp((socket) => {
      socket.on('data', () =>
        socket.write(headOf('HTTP/1.1 204 None', `content-LENGTH:${' '.repeat(40)}5`, 'X-A: b')),
      );
    });
    await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    const { status, headers } = await askHttp2({ port: plane.port });
    expect([status, headers['content-length'], headers['x-a']]).toEqual([204, undefined, 'b']);
  });

  test.each(['000', '099', '600', '799', '999'])(
    'that answers the opening of a WebSocket with status %s is 502, and the plane goes on',
    async (status) => {
      await using app = await startRawApp((socket) => {
        socket.on('data', () => socket.write(headOf(`HTTP/1.1 ${status} Odd`, 'Content-Length: 0')));
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      await once(client.session, 'remoteSettings');
      const opening = answerOf(client.open({ ...websocket, ':scheme': 'http', ':path': '/' }));
      expect((await opening).status).toBe(502);
      await until(() => plane.plane.inspect().requests.inFlight === 0 && app.sockets.size === 0);
    },
  );

  test('whose refusal of a WebSocket nobody takes is given up like any response', async () => {
    await using app = await startRawApp((socket) => {
      socket.on('data', () =>
        socket.write(headOf('HTTP/1.1 426 No', 'Content-Length: 100000') + 'x'.repeat(100_000)),
      );
    });
    await using plane = await startPlane(lane, {
      deployments: [{ instances: [instanceAt(app.port)] }],
      options: { limits: { bodyIdleTimeoutMs: 200 } },
    });
    using client = await RawHttp2Client.open(plane.port);
    const block = fieldBlock({ ...usualFields(testHost), ...websocket });
    client.send(noWindow, frame(frameType.headers, endHeaders, 1, block));
    const reset = await client.receives(frameType.rstStream);
    expect([reset?.stream, reset?.payload.readUInt32BE(0)]).toEqual([1, cancelled]);
    await until(() => plane.plane.inspect().requests.inFlight === 0 && app.sockets.size === 0);
  });
});
