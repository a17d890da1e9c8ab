// A connection that is told to go loses no request that its client had begun before it heard of it (RFC 9113 §6.8).
import { expect, test } from 'vitest';
import { frame, frameType } from '../../../conformance/http2-frames.ts';
import type { ServerStream } from './server-stream.ts';
import { answer, begin, listener, request } from './testing/client-frames.ts';
import { MemorySession } from './testing/memory-session.ts';

const ack = 0x1;
const anyStream = 2 ** 31 - 1;

const lastStreams = (memory: MemorySession): number[] =>
  memory
    .frames()
    .filter(({ type }) => type === frameType.goaway)
    .map(({ payload }) => payload.readUInt32BE(0));

test('what crosses the first GOAWAY is served, and what comes after the second is not', () => {
  const served: number[] = [];
  const memory = new MemorySession((stream) => {
    served.push(stream.id);
    stream.listen(listener());
    answer(stream);
  });
  memory.give(begin, request(1));
  memory.session.goAway();
  memory.session.goAway();
  expect(lastStreams(memory)).toEqual([anyStream]);
  const ping = memory.frames().find(({ type, flags }) => type === frameType.ping && flags === 0);
  // On its way while the client had not heard.
  memory.give(request(3));
  memory.give(frame(frameType.ping, ack, 0, Buffer.from('another.')));
  expect(lastStreams(memory)).toEqual([anyStream]);
  memory.give(frame(frameType.ping, ack, 0, ping?.payload ?? Buffer.alloc(8)));
  expect(lastStreams(memory)).toEqual([anyStream, 3]);
  memory.give(request(5));
  expect(served).toEqual([1, 3]);
  expect(memory.socket.writableEnded).toBe(true);
});

test('a stream that is under way when the last one is named is finished before the connection ends', () => {
  const streams: ServerStream[] = [];
  const memory = new MemorySession((stream) => void streams.push(stream));
  memory.give(begin, request(1));
  memory.session.goAway();
  const ping = memory.frames().find(({ type, flags }) => type === frameType.ping && flags === 0);
  memory.give(frame(frameType.ping, ack, 0, ping?.payload ?? Buffer.alloc(8)));
  expect(lastStreams(memory)).toEqual([anyStream, 1]);
  expect(memory.socket.writableEnded).toBe(false);
  for (const stream of streams) {
    stream.listen(listener());
    answer(stream);
  }
  expect(memory.socket.writableEnded).toBe(true);
});
