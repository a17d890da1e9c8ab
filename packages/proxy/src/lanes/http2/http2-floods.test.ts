// What a hostile client can send in frames: each flood ends with ENHANCE_YOUR_CALM that the client gets to read, and
// nothing ends the process (RFC 9113 §10.5; CVE-2019-9512…9518, CVE-2023-44487, CVE-2024-27316).
import { constants } from 'node:http2';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { askHttp2 } from '../../conformance/http2-client.ts';
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  frameType,
  RawHttp2Client,
  usualFields,
} from '../../conformance/http2-frames.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp } from '../../conformance/test-app.ts';
import { instanceAt, startPlane, testHost, until } from '../../conformance/test-plane.ts';

const calm = constants.NGHTTP2_ENHANCE_YOUR_CALM;

const get = (stream: number): Buffer =>
  frame(frameType.headers, endHeaders | endStream, stream, fieldBlock(usualFields(testHost)));
const post = (stream: number): Buffer =>
  frame(frameType.headers, endHeaders, stream, fieldBlock({ ...usualFields(testHost), ':method': 'POST' }));
const open = frame(frameType.headers, endStream, 1, fieldBlock(usualFields(testHost)));
const cancel = (stream: number): Buffer => frame(frameType.rstStream, 0, stream, Buffer.from([0, 0, 0, 8]));

/** `frames(i)` again and again, until the server ends the connection. */
async function flood(client: RawHttp2Client, frames: (turn: number) => readonly Buffer[]): Promise<void> {
  for (let turn = 0; turn < 50_000 && client.send(...frames(turn)); turn += 1) {
    if (turn % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Flood {
  readonly name: string;
  readonly first?: readonly Buffer[];
  readonly frames: (turn: number) => readonly Buffer[];
  /** nghttp2 has a limit of its own, or calls it an error of the connection; Node says so. */
  readonly nodeSays?: number;
}

const floods: readonly Flood[] = [
  { name: 'PING', frames: () => [frame(frameType.ping, 0, 0, Buffer.alloc(8))] },
  { name: 'SETTINGS', frames: () => [frame(frameType.settings, 0, 0)] },
  { name: 'SETTINGS of many values', frames: () => [frame(frameType.settings, 0, 0, Buffer.alloc(6 * 200))] },
  { name: 'empty DATA', first: [post(1)], frames: () => [frame(frameType.data, 0, 1)] },
  {
    name: 'CONTINUATION',
    first: [open],
    frames: (turn) => [frame(frameType.continuation, 0, 1, fieldBlock({ [`x-${turn}`]: 'y' }))],
  },
  { name: 'empty CONTINUATION', first: [open], frames: () => [frame(frameType.continuation, 0, 1)] },
  {
    // CVE-2025-8671: what makes the server reset a stream is a reset like any other.
    name: 'resets of ours, asked for by WINDOW_UPDATE of 0',
    nodeSays: constants.NGHTTP2_PROTOCOL_ERROR,
    frames: (turn) => [get(1 + 2 * turn), frame(frameType.windowUpdate, 0, 1 + 2 * turn, Buffer.alloc(4))],
  },
  {
    name: 'malformed requests',
    frames: (turn) => [
      frame(frameType.headers, endHeaders | endStream, 1 + 2 * turn, fieldBlock({ ':method': 'GET' })),
    ],
  },
  {
    name: 'bodies that are longer than told',
    nodeSays: constants.NGHTTP2_INTERNAL_ERROR,
    frames: (turn) => [
      frame(
        frameType.headers,
        endHeaders,
        1 + 2 * turn,
        fieldBlock({ ...usualFields(testHost), ':method': 'POST', 'content-length': '1' }),
      ),
      frame(frameType.data, 0, 1 + 2 * turn, Buffer.from('two')),
    ],
  },
  { name: 'rapid reset', frames: (turn) => [get(1 + 2 * turn), cancel(1 + 2 * turn)] },
  {
    name: 'PRIORITY of itself',
    frames: () => [frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 1, 1]))],
  },
];

describe.each(http2Lanes)('$name', (lane) => {
  describe('a flood', () => {
    test.each(floods)('of $name ends with ENHANCE_YOUR_CALM', async ({ name, first, frames, nodeSays }) => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawHttp2Client.open(plane.port);
      client.send(...(first ?? []));
      await flood(client, frames);
      const code = await client.goawayCode();
      // A stream that depends on itself is an error of the protocol, told as such once it is no accident.
      if (name === 'PRIORITY of itself') expect([calm, constants.NGHTTP2_PROTOCOL_ERROR]).toContain(code);
      else expect(code).toBe(lane.lanes === 'general' ? (nodeSays ?? calm) : calm);
      client.socket.destroy();
      await until(() => plane.plane.inspect().connections.open === 0);
      expect(plane.plane.inspect().requests).toMatchObject({ inFlight: 0, clients: 0 });
      expect((await askHttp2({ port: plane.port })).status).toBe(200);
    });

    test('is not what a busy client does: a PING for each request, resets now and then', async () => {
      // Small enough for the windows, which this client never opens.
      await using app = await startApp((_message, response) => response.end('ok'));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { http2ControlFramesBurst: 10, http2ControlFramesPerSecond: 1 } },
      });
      using client = await RawHttp2Client.open(plane.port);
      let stream = -1;
      for (let turn = 0; turn < 200; turn += 1) {
        const asked = (stream += 2);
        client.send(get(asked), frame(frameType.ping, 0, 0, Buffer.alloc(8)));
        await client.receives(frameType.data, (each) => each.stream === asked);
        if (turn % 10 === 0) client.send(get((stream += 2)), cancel(stream));
      }
      expect(client.ended).toBe(false);
    });

    test('of requests for more streams than allowed is refused stream by stream', async () => {
      await using app = await startApp(() => undefined);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawHttp2Client.open(plane.port);
      client.send(...Array.from({ length: 300 }, (_, index) => get(1 + 2 * index)));
      await until(
        () => client.frames.filter((each) => each.type === frameType.rstStream).length === 300 - 128,
      );
      const refused = client.frames.filter((each) => each.type === frameType.rstStream);
      expect(new Set(refused.map((each) => each.payload.readUInt32BE(0)))).toEqual(
        new Set([constants.NGHTTP2_REFUSED_STREAM]),
      );
      await until(() => plane.plane.inspect().requests.inFlight === 128);
    });

    test('of any frames in any order leaves the data plane serving', async () => {
      await using app = await startApp((message, response) => void message.pipe(response));
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const id = fc.constantFrom(0, 1, 3, 5, 7);
      const octets = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
      const anything = fc.oneof(
        id.map(get),
        id.map(post),
        id.map(cancel),
        fc
          .tuple(fc.nat(1), id, octets)
          .map(([flags, stream, payload]) => frame(frameType.data, flags, stream, payload)),
        fc
          .tuple(fc.nat(15), fc.nat(255), id, octets)
          .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload)),
        fc.constant(frame(frameType.ping, 0, 0, Buffer.alloc(8))),
        octets,
      );
      const leave = fc.constantFrom('end', 'destroy', 'reset');
      await fc.assert(
        fc.asyncProperty(fc.array(anything, { maxLength: 40 }), leave, async (frames, how) => {
          using client = await RawHttp2Client.open(plane.port);
          for (const each of frames) {
            if (!client.send(each)) break;
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (how === 'end') client.socket.end();
          else if (how === 'reset') client.socket.resetAndDestroy();
        }),
        { numRuns: 150 },
      );
      expect((await askHttp2({ port: plane.port, method: 'POST', body: 'still here' })).body).toBe(
        'still here',
      );
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });
  });
});
