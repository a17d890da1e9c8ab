// Fuzz target: whatever frames a client sends, in whatever pieces, its connection goes on or ends with GOAWAY; what is sent
// are whole frames within the client's windows, and every stream that was told of ends once.
import assert from 'node:assert/strict';
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  type Frame,
  FrameReader,
  frameType,
  preface,
  usualFields,
} from '../conformance/http2-frames.ts';
import type { ServerStream } from '../lanes/http2/own/server-stream.ts';
import { MemorySession, TurnByHand } from '../lanes/http2/own/testing/memory-session.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import type { Mutator } from './mutator.ts';

const limits = {
  http2StreamsMax: 4,
  http2FieldSectionBytesMax: 1_024,
  http2ResetsBurst: 20,
  http2ControlFramesBurst: 50,
  http2EmptyFramesMax: 20,
};
const begin = Buffer.concat([Buffer.from(preface, 'latin1'), frame(frameType.settings, 0, 0)]);
/** Sockets of Node let go of what they hold when the loop turns, which it does not here: the buffers are shared. */
const turn = new TurnByHand();
const windowBytesAtFirst = 65_535;
const streamsToPickFrom = 9;
const framePieceBytes = 60;

const fields = { ...usualFields('a.example'), ':method': 'POST' };
const head = (stream: number, flags = 0, more: Record<string, string> = {}): Buffer =>
  frame(frameType.headers, endHeaders | flags, stream, fieldBlock({ ...fields, ...more }));
const data = (stream: number, text: string, flags = 0): Buffer =>
  frame(frameType.data, flags, stream, Buffer.from(text));
const words = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')));

const corpus = [
  [head(1, endStream), head(3, endStream), head(5), data(5, 'one'), data(5, 'two', endStream)],
  [
    head(1),
    data(1, 'one'),
    frame(frameType.headers, endStream | endHeaders, 1, fieldBlock({ 'x-sum': '1' })),
  ],
  [head(1, 0, { 'content-length': '3' }), data(1, 'abc', endStream), head(3, endStream, { cookie: 'a=b' })],
  [
    frame(frameType.settings, 0, 0, Buffer.from('000400000000', 'hex')),
    head(3, endStream),
    head(1, endStream),
  ],
  [
    head(3, endStream),
    frame(frameType.windowUpdate, 0, 3, words(1)),
    frame(frameType.windowUpdate, 0, 0, words(1)),
  ],
  [
    frame(frameType.headers, endStream, 1, fieldBlock(fields)),
    frame(frameType.continuation, endHeaders, 1, fieldBlock({ 'x-a': 'b' })),
  ],
  [head(1), head(3), head(5), head(7), head(9), head(11), frame(frameType.rstStream, 0, 1, words(8))],
  [
    frame(frameType.ping, 0, 0, Buffer.alloc(8)),
    frame(frameType.priority, 0, 1, Buffer.from('0000000110', 'hex')),
    frame(frameType.goaway, 0, 0, words(0, 0)),
    frame(frameType.settings, 1, 0),
    frame(frameType.data, 0x8, 1, Buffer.from([3, 1, 0, 0, 0])),
  ],
].map((frames) => Buffer.concat(frames));

export const http2SessionTarget: FuzzTarget = {
  name: 'HTTP/2 session',
  corpus,
  check: (bytes, mutator) => {
    const input = Buffer.concat([begin, mutator.below(2) === 0 ? bytes : framesOf(bytes, mutator)]);
    const isTaking = mutator.below(4) > 0;
    const whole = new Run([input], isTaking);
    const divided = new Run(mutator.split(input, 40), isTaking);
    assert.deepEqual(divided.told, whole.told, 'what is told does not depend on the pieces');
    assert.deepEqual(divided.frames, whole.frames, 'nor does what is sent');
    whole.check(new FrameReader().push(input.subarray(preface.length)));
  },
};

/** The octets as payloads of frames that get past the first look. */
function framesOf(bytes: Buffer, mutator: Mutator): Buffer {
  const frames = mutator.split(bytes, framePieceBytes).map((piece) => {
    const type = mutator.below(frameType.continuation + 2);
    const stream = mutator.below(3) === 0 ? 0 : mutator.below(streamsToPickFrom);
    const flags = mutator.below(2) === 0 ? mutator.below(64) : endHeaders;
    if (mutator.below(3) === 0) return head(stream | 1, flags & endStream);
    return frame(type, flags, stream, piece);
  });
  return Buffer.concat(frames);
}

class Run {
  /** Of the exchanges' side: what came, in order. */
  readonly told: string[] = [];
  readonly frames: readonly Frame[];
  readonly #memory: MemorySession;
  #open = 0;

  constructor(pieces: readonly Buffer[], isTaking: boolean) {
    this.#memory = new MemorySession(
      (stream, _section, isWhole) => this.#begin(stream, isWhole),
      limits,
      turn,
    );
    const { socket, session } = this.#memory;
    socket.isTaking = isTaking;
    for (const piece of pieces) this.#memory.give(piece);
    socket.takeAll();
    this.frames = this.#memory.frames();
    const framed = this.frames.reduce((sum, { payload }) => sum + 9 + payload.length, 0);
    assert.equal(framed, socket.octets.length, 'whole frames');
    const isEnded = socket.writableEnded;
    session.cut();
    assert.equal(this.#open, 0, 'every stream ends');
    const last = this.frames.at(-1);
    if (isEnded) assert.equal(last?.type, frameType.goaway, 'the end is GOAWAY');
    assert.equal(this.frames.filter(({ type }) => type === frameType.goaway).length, isEnded ? 1 : 0);
  }

  /** Against all that came, whatever of it was heeded. */
  check(input: readonly Frame[]): void {
    const sent = this.frames.filter(({ type }) => type === frameType.data);
    const bytes = sent.reduce((sum, { payload }) => sum + payload.length, 0);
    const grants = input.filter(({ type, stream }) => type === frameType.windowUpdate && stream === 0);
    const granted = grants.reduce(
      (sum, { payload }) => sum + (payload.length === 4 ? incrementOf(payload) : 0),
      0,
    );
    assert.ok(bytes <= windowBytesAtFirst + granted, 'no more than the window of the connection');
    for (const { stream, type } of this.frames)
      assert.ok(
        stream === 0 || input.some((each) => each.stream === stream),
        `${type} on a stream of the client`,
      );
  }

  #begin(stream: ServerStream, isWhole: boolean): void {
    const { id } = stream;
    const tell = (text: string): void => void this.told.push(`${id} ${text}`);
    this.#open += 1;
    assert.ok(this.#open <= limits.http2StreamsMax, 'no more streams than allowed');
    tell(`began ${isWhole}`);
    let isClosed = false;
    stream.listen({
      bodyReceived: (bytes) => tell(`received ${bytes}`),
      bodyEnded: () => tell('all came'),
      drained: () => tell('drained'),
      closed: () => {
        assert.equal(isClosed, false, 'a stream ends once');
        isClosed = true;
        this.#open -= 1;
        tell('closed');
      },
    });
    serve(stream, tell);
  }
}

const incrementOf = (payload: Buffer): number => payload.readUInt32BE(0) & 0x7fff_ffff;

/** One of a few ways to treat a request, by its stream. */
function serve(stream: ServerStream, tell: (text: string) => void): void {
  const way = (stream.id >> 1) % 5;
  if (way === 1) {
    stream.discardBody();
    beginAnswer(stream);
    stream.body(large, 0, large.length);
    stream.flush();
    stream.end(['x-sum', '1']);
    stream.stopRequest();
  } else if (way < 4) {
    stream.readBody({
      data: (chunk) => {
        tell(chunk.toString('latin1'));
        if (way === 0) echo(stream, chunk);
        else if (way === 2) stream.reset();
        else stream.pauseBody();
      },
      end: (trailers) => {
        tell(`ended ${trailers.join()}`);
        if (!stream.isResponseBegun) beginAnswer(stream);
        stream.end(trailers);
      },
    });
  }
}

const large = Buffer.alloc(20_000, 'l');

function beginAnswer(stream: ServerStream): void {
  const answer = { status: 200, head: { headers: ['date', 'now'] }, received: null, mayHaveTrailers: true };
  stream.begin({ ...answer, edits: { drop: new Set<string>(), add: [] } });
}

function echo(stream: ServerStream, chunk: Buffer): void {
  if (!stream.isResponseBegun) beginAnswer(stream);
  stream.body(chunk, 0, chunk.length);
  stream.flush();
}
