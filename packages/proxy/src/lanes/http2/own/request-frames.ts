// The frames that make requests (RFC 9113 §8.1): HEADERS and CONTINUATION, DATA, RST_STREAM. Knows which of a client's errors
// ends a stream and which the connection; each call returns the code that ends the connection, or `noError`.
import { errorCode, frameFlag } from '../../../h2/codes.ts';
import type { FrameHead } from '../../../h2/frame-cutter.ts';
import type { Limits } from '../../../limits.ts';
import { connectionWindowBytes, fieldsPerSectionMax } from '../local-settings.ts';
import { RequestSection } from '../request-section.ts';
import { areTrailersSound } from '../section-check.ts';
import { FieldBlocks, type WholeBlock } from './field-blocks.ts';
import { paddingOf } from './frame-check.ts';
import type { ServerStream } from './server-stream.ts';
import type { StreamTable } from './stream-table.ts';

export interface RequestEvents {
  readonly request: (stream: ServerStream, section: RequestSection, endsStream: boolean) => void;
  /** A frame that belongs to no request. */
  readonly controlFrame: () => void;
  /** A stream ended by the client's faults before it was a request. */
  readonly aborted: () => void;
}

/** By the decoded fields: a client that repeats itself is given the same ones. */
const sections = new WeakMap<readonly string[], RequestSection | null>();

export class RequestFrames {
  readonly #streams: StreamTable;
  readonly #limits: Limits;
  readonly #events: RequestEvents;
  readonly #blocks: FieldBlocks;
  #receiveWindow = connectionWindowBytes;
  #unreturned = 0;
  #emptyFrames = 0;

  constructor(streams: StreamTable, limits: Limits, events: RequestEvents) {
    this.#streams = streams;
    this.#limits = limits;
    this.#events = events;
    this.#blocks = new FieldBlocks({
      sectionBytesMax: limits.http2FieldSectionBytesMax,
      fieldsMax: fieldsPerSectionMax(limits),
    });
  }

  /** Of the stream whose field block has begun and not ended; 0: none. */
  get openStream(): number {
    return this.#blocks.openStream;
  }

  headers(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    return this.#block(this.#blocks.begin(head, buffer, start, end));
  }

  continuation(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    return this.#block(this.#blocks.go(head, buffer, start, end));
  }

  data(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    const bytes = end - start;
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) return errorCode.flowControlError;
    this.#giveBack(bytes);
    const padding = paddingOf(head, buffer, start);
    if (padding < 0 || padding > bytes) return errorCode.protocolError;
    const isEnd = (head.flags & frameFlag.endStream) !== 0;
    if (bytes === padding && !isEnd) {
      this.#emptyFrames += 1;
      if (this.#emptyFrames > this.#limits.http2EmptyFramesMax) return errorCode.enhanceYourCalm;
    }
    const stream = this.#streams.find(head.stream);
    // Of a stream that was reset, or refused, it may still come (RFC 9113 §5.1).
    if (stream === undefined)
      return this.#streams.isIdle(head.stream) ? errorCode.protocolError : errorCode.noError;
    const { input } = stream;
    const from = padding === 0 ? start : start + 1;
    const code =
      input === null || input.hasAllCome
        ? errorCode.streamClosed
        : input.take(buffer, from, from + bytes - padding, bytes);
    if (code !== errorCode.noError) stream.resetWith(code);
    else if (isEnd) stream.endInput([]);
    return errorCode.noError;
  }

  rstStream(id: number, code: number): number {
    if (this.#streams.isIdle(id)) return errorCode.protocolError;
    const stream = this.#streams.find(id);
    if (stream === undefined) this.#events.controlFrame();
    else stream.close(code);
    return errorCode.noError;
  }

  /** RFC 9113 §5.3.1: a stream that depends on itself. Other priorities are not ours to follow. */
  dependency(id: number, on: number): void {
    if (id === on) this.#streams.find(id)?.resetWith(errorCode.protocolError);
  }

  #giveBack(bytes: number): void {
    this.#unreturned += bytes;
    if (this.#unreturned < connectionWindowBytes / 2) return;
    this.#streams.output.windowUpdate(0, this.#unreturned);
    this.#receiveWindow += this.#unreturned;
    this.#unreturned = 0;
  }

  #block(block: WholeBlock | number | null): number {
    if (block === null) return errorCode.noError;
    if (typeof block === 'number') return block;
    const { stream: id, dependsOn } = block;
    this.dependency(id, dependsOn);
    const stream = this.#streams.find(id);
    if (stream !== undefined) {
      this.#trailers(stream, block);
    } else if (id <= this.#streams.last || this.#streams.isClosed) {
      // Trailers of a stream that was reset, or what crossed our GOAWAY (RFC 9113 §6.8).
      this.#events.controlFrame();
    } else {
      this.#streams.last = id;
      this.#begin(block);
    }
    return errorCode.noError;
  }

  #trailers(stream: ServerStream, { decoded, endsStream }: WholeBlock): void {
    if (stream.input?.hasAllCome !== false) stream.resetWith(errorCode.streamClosed);
    else if (endsStream && !decoded.isTooLarge && areTrailersSound(decoded.fields))
      stream.endInput(decoded.fields);
    else stream.resetWith(errorCode.protocolError);
  }

  #begin(block: WholeBlock): void {
    const { stream: id, decoded, endsStream } = block;
    const refusal = this.#refusalOf(block);
    const section = refusal === errorCode.noError ? sectionOf(decoded.fields) : null;
    // RFC 9113 §8.1.1: a length and no body.
    if (section === null || (endsStream && (section.length ?? 0) > 0)) {
      this.#streams.output.resetStream(id, refusal === errorCode.noError ? errorCode.protocolError : refusal);
      this.#events.aborted();
      return;
    }
    const stream = this.#streams.open(id, { endsStream, length: section.length });
    this.#events.request(stream, section, endsStream);
  }

  #refusalOf({ stream, decoded, dependsOn }: WholeBlock): number {
    if (this.#streams.size >= this.#limits.http2StreamsMax) return errorCode.refusedStream;
    if (decoded.isTooLarge) return errorCode.enhanceYourCalm;
    return dependsOn === stream ? errorCode.protocolError : errorCode.noError;
  }
}

/** Null: malformed. */
function sectionOf(fields: readonly string[]): RequestSection | null {
  const known = sections.get(fields);
  if (known !== undefined) return known;
  const section = RequestSection.read(fields);
  sections.set(fields, section);
  return section;
}
