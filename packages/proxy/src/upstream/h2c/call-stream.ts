// One stream to an app: its events in the order of the message, held back while nobody reads, and whether it ended
// properly. Knows no retry and no deadline.
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { fieldRecord } from '../../h2/field-record.ts';
import { cancelStream } from '../../h2/stream-endings.ts';
import type { RawHeaders } from '../upstream.types.ts';
import { requestTrailers, withoutPseudoFields } from './request-fields.ts';
import type { UpstreamSession } from './session.ts';

export interface CallStreamEvents {
  readonly streamInterim: (status: number, headers: RawHeaders) => void;
  readonly streamHead: (status: number, raw: RawHeaders, endsStream: boolean) => void;
  readonly streamData: (chunk: Buffer) => void;
  readonly streamDrained: () => void;
  readonly streamEnded: (trailers: RawHeaders) => void;
  /** It is over without an end; `code` is RFC 9113 §7's. */
  readonly streamBroken: (code: number, cause: Error | undefined) => void;
}

export class CallStream {
  readonly session: UpstreamSession;
  readonly #stream: ClientHttp2Stream;
  #events: CallStreamEvents | null;
  /** END_STREAM came. */
  #isWhole = false;
  #isPaused = false;
  /** Came after END_STREAM while paused: the session may end now without taking it along. */
  #held: Buffer[] = [];
  #isRead = false;
  #trailers: RawHeaders = [];
  #error: Error | undefined;

  constructor(session: UpstreamSession, stream: ClientHttp2Stream, events: CallStreamEvents) {
    this.session = session;
    this.#stream = stream;
    this.#events = events;
    this.#noteEnd();
    stream.on('error', (error) => (this.#error ??= error));
    stream.on('headers', (fields, _flags, raw?: RawHeaders) => this.#interim(fields, raw ?? []));
    stream.on('response', (fields, flags, raw?: RawHeaders) => this.#head(fields, flags, raw ?? []));
    stream.on('data', (chunk: Buffer) => this.#data(chunk));
    stream.on('trailers', (_fields, _flags, raw?: RawHeaders) => {
      this.#trailers = withoutPseudoFields(raw ?? []);
    });
    stream.on('drain', () => this.#events?.streamDrained());
    stream.once('end', () => {
      this.#isRead = this.#isWhole;
      this.#finish();
    });
    stream.once('close', () => this.#closed());
  }

  get id(): number | undefined {
    return this.#stream.id;
  }

  write(chunk: Buffer): boolean {
    return this.#isOpen() ? this.#stream.write(chunk) : true;
  }

  end(trailers: RawHeaders): void {
    if (!this.#isOpen()) return;
    const fields = requestTrailers(trailers);
    if (fields.length > 0) {
      this.#stream.once('wantTrailers', () => {
        if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.sendTrailers(fieldRecord(fields));
      });
    }
    this.#stream.end();
  }

  pause(): void {
    this.#isPaused = true;
    // What came to its end is taken off the session in any case.
    if (!this.#isWhole) this.#stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isWhole) this.#stream.resume();
    this.#giveHeld();
    this.#finish();
  }

  /** RST_STREAM with CANCEL; no further event. Of a stream that is over: lets go of what it holds. */
  cancel(): void {
    this.#events = null;
    this.#held = [];
    if (!this.#stream.destroyed) cancelStream(this.#stream);
  }

  /**
   * Node ends the readable side of a stream that was reset with NO_ERROR as if it were whole, and tells of END_STREAM
   * in no other way than this: at END_STREAM the stream is not closed yet.
   */
  #noteEnd(): void {
    const stream = this.#stream;
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed && !stream.destroyed && !this.#isWhole) {
        this.#isWhole = true;
        // Not within nghttp2's own turn.
        if (this.#isPaused) process.nextTick(() => stream.resume());
      }
      return push(chunk, encoding);
    };
  }

  #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.writableEnded;
  }

  #interim(fields: IncomingHttpHeaders, raw: RawHeaders): void {
    this.session.heard();
    this.#events?.streamInterim(Number(fields[':status']), withoutPseudoFields(raw));
  }

  #head(fields: IncomingHttpHeaders, flags: number, raw: RawHeaders): void {
    this.session.heard();
    this.session.hasServed = true;
    const endsStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.#events?.streamHead(Number(fields[':status']), raw, endsStream);
  }

  #data(chunk: Buffer): void {
    this.session.heard();
    if (this.#isPaused) this.#held.push(chunk);
    else this.#events?.streamData(chunk);
  }

  #giveHeld(): void {
    while (!this.#isPaused) {
      const chunk = this.#held.shift();
      if (chunk === undefined) return;
      this.#events?.streamData(chunk);
    }
  }

  /** Once everything that came was taken. */
  #finish(): void {
    if (!this.#isRead || this.#isPaused || this.#held.length > 0) return;
    const events = this.#events;
    this.#events = null;
    // RFC 9113 §8.1: an app may answer before it was asked to the end; the rest of that is not wanted.
    if (!this.#stream.destroyed && !this.#stream.writableEnded) cancelStream(this.#stream);
    events?.streamEnded(this.#trailers);
  }

  #closed(): void {
    this.session.ended();
    if (this.#isRead) return;
    const events = this.#events;
    this.#events = null;
    events?.streamBroken(this.#stream.rstCode ?? constants.NGHTTP2_NO_ERROR, this.#error);
  }
}
