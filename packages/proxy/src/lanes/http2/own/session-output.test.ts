// Frames on their way to a socket that takes them, or does not.
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FrameReader, frameType, type Frame } from '../../../conformance/http2-frames.ts';
import { OutputTurn } from './output-turn.ts';
import { SessionOutput } from './session-output.ts';

/** Takes what is written when it is told to. */
class SlowSocket extends Socket {
  readonly taken: Buffer[] = [];
  #next: { readonly octets: Buffer; readonly done: () => void } | null = null;

  override _write(octets: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#next = { octets, done };
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'latin1', done);
  }

  /** Everything that waits; false: nothing does. */
  takeNext(): boolean {
    const next = this.#next;
    if (next === null) return false;
    this.#next = null;
    // The kernel reads it now, not when it was written.
    this.taken.push(Buffer.from(next.octets));
    next.done();
    return true;
  }

  frames(): Frame[] {
    return new FrameReader().push(Buffer.concat(this.taken));
  }
}

/** Counts the buffers that somebody has. */
class CountedTurn extends OutputTurn {
  outside = 0;

  override takeBuffer(): Buffer {
    this.outside += 1;
    return super.takeBuffer();
  }

  override giveBuffer(buffer: Buffer): void {
    this.outside -= 1;
    // Whoever still refers to it would be seen to.
    buffer.fill(0xff);
    super.giveBuffer(buffer);
  }
}

const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function takeAll(socket: SlowSocket): Promise<void> {
  do await turnOver();
  while (socket.takeNext());
}

describe('the output of a session', () => {
  test('keeps hardly more than its octets while the client takes none, however many turns they come in', async () => {
    const turn = new CountedTurn();
    const socket = new SlowSocket();
    const output = new SessionOutput(socket, false, turn);
    socket.on('drain', () => output.flush());
    const turns = 4_000;
    for (let stream = 1; stream <= turns; stream += 1) {
      output.resetStream(stream, 8);
      await turnOver();
    }
    expect(turn.outside).toBeLessThan(4);
    expect(output.waitingBytes).toBe(turns * 13);
    await takeAll(socket);
    expect(socket.frames().map(({ stream }) => stream)).toEqual(
      Array.from({ length: turns }, (_, index) => index + 1),
    );
    expect(output.waitingBytes).toBe(0);
  });

  test('waits in one buffer for a socket that is full, and goes out when that has drained or is to be closed', async () => {
    const turn = new CountedTurn();
    const socket = new SlowSocket();
    const output = new SessionOutput(socket, false, turn);
    socket.on('drain', () => output.flush());
    const body = Buffer.alloc(16_384, 'b');
    for (let part = 0; part < 5; part += 1) output.data(1, body, 0, body.length);
    await turnOver();
    expect(output.isBlocked).toBe(true);
    for (let ping = 0; ping < 1_000; ping += 1) {
      output.pingAck(Buffer.alloc(8, ping), 0, 8);
      await turnOver();
    }
    expect(turn.outside).toBeLessThan(4);
    output.goaway(1, 0);
    output.close();
    await takeAll(socket);
    const types = socket.frames().map(({ type }) => type);
    expect(types).toEqual([
      ...Array.from({ length: 5 }, () => frameType.data),
      ...Array.from({ length: 1_000 }, () => frameType.ping),
      frameType.goaway,
    ]);
    expect(socket.frames()[2]?.payload).toEqual(body);
  });

  test('puts END_STREAM on a frame that still waits, and sends one of its own after one that has gone', async () => {
    const socket = new SlowSocket();
    const output = new SessionOutput(socket, false, new CountedTurn());
    const place = { flushes: -1, flagsAt: 0 };
    output.data(1, Buffer.from('one'), 0, 3);
    output.notePlace(place);
    output.windowUpdate(0, 1);
    expect(output.endStreamAt(place)).toBe(true);
    output.data(3, Buffer.from('two'), 0, 3);
    output.notePlace(place);
    await turnOver();
    expect(output.endStreamAt(place)).toBe(false);
    await takeAll(socket);
    expect(socket.frames().map(({ stream, flags }) => [stream, flags])).toEqual([
      [1, 1],
      [0, 0],
      [3, 0],
    ]);
  });

  test('puts a block that is longer than a frame into several, and END_STREAM into none of their middle', async () => {
    const socket = new SlowSocket();
    const output = new SessionOutput(socket, false, new CountedTurn());
    const place = { flushes: -1, flagsAt: 0 };
    const block = { parts: [Buffer.alloc(20_000, 'a'), Buffer.alloc(20_000, 'b')], bytes: 40_000 };
    output.fields(1, block, false);
    output.notePlace(place);
    expect(output.endStreamAt(place)).toBe(false);
    output.fields(3, block, true);
    await takeAll(socket);
    const frames = socket.frames();
    expect(frames.map(({ type, stream, flags }) => [type, stream, flags])).toEqual([
      [frameType.headers, 1, 0],
      [frameType.continuation, 1, 0],
      [frameType.continuation, 1, 4],
      [frameType.headers, 3, 1],
      [frameType.continuation, 3, 0],
      [frameType.continuation, 3, 4],
    ]);
    expect(Buffer.concat(frames.slice(3).map(({ payload }) => payload))).toEqual(Buffer.concat(block.parts));
  });

  test('is dropped where the socket is gone', async () => {
    const turn = new CountedTurn();
    const socket = new SlowSocket();
    const output = new SessionOutput(socket, true, turn);
    output.settingsAck();
    socket.destroy();
    await turnOver();
    expect(turn.outside).toBe(0);
    expect(socket.taken).toEqual([]);
  });
});
