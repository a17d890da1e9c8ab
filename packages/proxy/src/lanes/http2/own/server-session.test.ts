// What one frame of a client costs, and streams that are ended, reset or paused by whoever is being told of them.
import { describe, expect, test } from 'vitest';
import { endStream, frame, frameType } from '../../../conformance/http2-frames.ts';
import type { ServerStream } from './server-stream.ts';
import { answer, begin, listener, noEdits, request } from './testing/client-frames.ts';
import { MemorySession } from './testing/memory-session.ts';

const number = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
};
const initialWindow = (bytes: number): Buffer =>
  frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), number(bytes)]));
const windowUpdate = (stream: number, bytes: number): Buffer =>
  frame(frameType.windowUpdate, 0, stream, number(bytes));
const data = (stream: number, text: string, flags = 0): Buffer =>
  frame(frameType.data, flags, stream, Buffer.from(text));
const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));

describe('WINDOW_UPDATE of the connection', () => {
  test('is no work for streams that wait for windows of their own', () => {
    const memory = new MemorySession((stream) => {
      stream.listen(listener());
      answer(stream, 'body');
    });
    memory.give(begin, initialWindow(0));
    for (let id = 1; id < 256; id += 2) memory.give(request(id));
    memory.frames();
    const before = memory.socket.looks;
    memory.give(...Array.from({ length: 1_000 }, () => windowUpdate(0, 1)));
    expect(memory.socket.looks - before).toBeLessThan(2_000);
    // And they do not miss what they wait for.
    memory.give(windowUpdate(3, 2), initialWindow(1));
    const bodies = memory.frames().filter(({ type }) => type === frameType.data);
    expect(bodies.map(({ stream }) => stream).toSorted((one, other) => one - other)).toEqual([
      1,
      3,
      3,
      ...Array.from({ length: 126 }, (_, index) => 5 + 2 * index),
    ]);
    expect(bodies.filter(({ stream }) => stream === 3).map(({ payload }) => payload.toString())).toEqual([
      'bo',
      'd',
    ]);
  });
});

describe('the window of the connection', () => {
  test('opened octet by octet goes round among the streams that wait, at the cost of one of them each time', () => {
    const memory = new MemorySession((stream) => {
      stream.listen(listener());
      answer(stream, 'x'.repeat(1_000));
    });
    memory.give(begin);
    for (let id = 1; id < 256; id += 2) memory.give(request(id));
    const before = memory.frames().length;
    const { looks } = memory.socket;
    memory.give(...Array.from({ length: 1_000 }, () => windowUpdate(0, 1)));
    expect(memory.socket.looks - looks).toBeLessThan(5_000);
    const pieces = memory.frames().slice(before);
    expect(pieces).toHaveLength(1_000);
    // 65 had their whole body, and one a part of it.
    const times = Map.groupBy(pieces, ({ stream }) => stream);
    expect(times.size).toBe(63);
    for (const each of times.values()) expect([15, 16]).toContain(each.length);
  });
});

describe('the window of a stream', () => {
  test('that SETTINGS have made negative is opened by as much before anything more is sent', () => {
    const memory = new MemorySession((stream) => {
      stream.listen(listener());
      answer(stream, 'x'.repeat(1_000));
    });
    const sent = (): number =>
      memory
        .frames()
        .filter(({ type }) => type === frameType.data)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    memory.give(begin, initialWindow(100), request(1));
    expect(sent()).toBe(100);
    memory.give(initialWindow(0), windowUpdate(1, 100));
    expect(sent()).toBe(100);
    memory.give(windowUpdate(1, 50));
    expect(sent()).toBe(150);
    memory.give(initialWindow(200));
    expect(sent()).toBe(350);
    memory.give(initialWindow(2_000));
    expect(sent()).toBe(1_000);
    expect(memory.frames().at(-1)?.flags).toBe(endStream);
  });

  test.each([
    ['of it ends the stream', windowUpdate(1, 2 ** 31 - 1), frameType.rstStream],
    ['of the connection ends that', windowUpdate(0, 2 ** 31 - 1), frameType.goaway],
    [
      'by SETTINGS ends the connection',
      Buffer.concat([windowUpdate(1, 1), initialWindow(2 ** 31 - 1)]),
      frameType.goaway,
    ],
  ])('too wide, %s', (_name, octets, type) => {
    const memory = new MemorySession((stream) => stream.listen(listener()));
    memory.give(begin, request(1), octets);
    const last = memory.frames().at(-1);
    expect([last?.type, last?.payload.readUInt32BE(type === frameType.goaway ? 4 : 0)]).toEqual([type, 3]);
  });
});

describe('a stream that is ended while it is told', () => {
  const ends: Readonly<Record<string, (stream: ServerStream) => void>> = {
    reset: (stream) => stream.reset(),
    cancelled: (stream) => stream.cancel(),
    answered: (stream) => {
      stream.discardBody();
      answer(stream, 'no');
      stream.stopRequest();
    },
  };

  test.each(Object.keys(ends))('%s, of its data, takes nothing with it', (how) => {
    const closed: number[] = [];
    const chunks: string[] = [];
    const memory = new MemorySession((stream, _section, isWhole) => {
      stream.listen(listener({ closed: () => void closed.push(stream.id) }));
      if (isWhole) answer(stream, 'fine');
      const tell = (chunk: Buffer): void => {
        chunks.push(chunk.toString());
        ends[how]?.(stream);
      };
      if (!isWhole) stream.readBody({ data: tell, end: () => void chunks.push('end') });
    });
    memory.give(begin, request(1, 'POST'), data(1, 'one'), data(1, 'two', endStream), request(3), ping);
    expect(chunks).toEqual(['one']);
    expect(closed).toEqual([1, 3]);
    const frames = memory.frames();
    expect(frames.filter(({ type, stream }) => type === frameType.rstStream && stream === 1)).toHaveLength(1);
    expect(
      frames.find(({ type, stream }) => type === frameType.data && stream === 3)?.payload.toString(),
    ).toBe('fine');
    expect(frames.at(-1)?.type).toBe(frameType.ping);
  });

  test('ends others of its connection with it, by whatever is told', () => {
    const streams: ServerStream[] = [];
    const cancelAll = (): void => {
      for (const each of streams) each.cancel();
    };
    const memory = new MemorySession((stream) => {
      streams.push(stream);
      stream.listen(listener({ closed: cancelAll, drained: cancelAll }));
      stream.begin({
        status: 200,
        head: { headers: [] },
        received: null,
        edits: noEdits,
        mayHaveTrailers: false,
      });
      stream.body(Buffer.alloc(100), 0, 100);
      stream.flush();
    });
    memory.give(begin, initialWindow(0), request(1), request(3), request(5));
    memory.give(initialWindow(100), ping);
    expect(streams.every(({ isClosed }) => isClosed)).toBe(true);
    const frames = memory.frames();
    const resets = frames.filter(({ type }) => type === frameType.rstStream).map(({ stream }) => stream);
    expect(new Set(resets)).toEqual(new Set([1, 3, 5]));
    expect(resets).toHaveLength(3);
    expect(frames.at(-1)?.type).toBe(frameType.ping);
  });

  test('by the end of its connection can say nothing more', () => {
    const memory = new MemorySession((stream) => {
      stream.listen(listener({ closed: () => answer(stream, 'too late') }));
    });
    memory.give(begin, request(1), request(3), frame(frameType.ping, 0, 1, Buffer.alloc(8)));
    expect(memory.frames().at(-1)?.type).toBe(frameType.goaway);
    expect(memory.socket.writableEnded).toBe(true);
    memory.give(request(5), ping);
    expect(memory.frames().at(-1)?.type).toBe(frameType.goaway);
  });
});

describe('a tunnel that both sides have ended', () => {
  test('is still read to its end', async () => {
    let read = '';
    const memory = new MemorySession((stream) => {
      stream.listen(listener());
      const duplex = stream.toDuplex();
      duplex.answer([':status', '200']);
      duplex.end();
      duplex.once('finish', () => {
        // Nobody has read a thing yet, and the client's end was there before ours.
        duplex.on('data', (chunk: Buffer) => (read += chunk.toString()));
      });
      finished = new Promise((resolve) => duplex.once('close', resolve));
    });
    let finished = Promise.resolve<unknown>(null);
    memory.give(begin, request(1, 'POST'), data(1, 'the last', endStream));
    await finished;
    expect(read).toBe('the last');
  });
});

describe('frames on streams that a client cannot have', () => {
  test.each([
    ['WINDOW_UPDATE', windowUpdate(2, 1)],
    ['RST_STREAM', frame(frameType.rstStream, 0, 2, number(8))],
    ['DATA', data(2, 'x')],
  ])('%s ends the connection', (_name, odd) => {
    const memory = new MemorySession((stream) => stream.listen(listener()));
    memory.give(begin, request(5), odd);
    expect(memory.frames().at(-1)?.type).toBe(frameType.goaway);
  });

  test('HEADERS of one that is over are passed by, and not for ever', () => {
    const memory = new MemorySession((stream) => {
      stream.listen(listener());
      answer(stream);
    });
    memory.give(begin, request(1), request(1), ping);
    expect(memory.frames().at(-1)?.type).toBe(frameType.ping);
    for (let turn = 0; turn < 1_100; turn += 1) memory.give(request(1));
    const last = memory.frames().at(-1);
    expect([last?.type, last?.payload.readUInt32BE(4)]).toEqual([frameType.goaway, 0xb]);
  });
});
