// The server's side of one HTTP/2 connection, framed by us (RFC 9113): reads frames, keeps streams and windows, and knows
// which error ends a stream and which the connection. What a stream carries is an exchange's affair.
import type { Socket } from 'node:net';
import {
  clientPreface,
  errorCode,
  frameType,
  windowBytesAtFirst,
  windowBytesMax,
} from '../../../h2/codes.ts';
import { FrameCutter, type FrameHead, type FrameSink } from '../../../h2/frame-cutter.ts';
import { PeerSettings, settingsEntries, settingsEntriesMax } from '../../../h2/peer-settings.ts';
import type { LaneDeps } from '../../general/lane-deps.ts';
import { closeLingering } from '../../general/lingering-close.ts';
import { type ByteTaker, SocketReads } from '../../socket-reads.ts';
import type { Http2SessionEnd } from '../http2-connection.ts';
import { RequestSection } from '../request-section.ts';
import { areTrailersSound } from '../section-check.ts';
import { FieldBlocks, type WholeBlock } from './field-blocks.ts';
import { checkFrame, paddingOf } from './frame-check.ts';
import { ServerStream, type StreamHost } from './server-stream.ts';
import { fieldsPerSectionMax, localSettings, streamWindowBytes } from './local-settings.ts';
import type { ResponseBlocks } from './response-blocks.ts';
import { SessionOutput } from './session-output.ts';
import type { OutputTurn } from './output-turn.ts';

export interface SessionEvents {
  readonly request: (stream: ServerStream, section: RequestSection, endsStream: boolean) => void;
  /** SETTINGS of the client. */
  readonly greeted: () => void;
  /** A frame that belongs to no request. */
  readonly controlFrame: () => void;
  /** A stream ended by the client's faults before it was a request. */
  readonly aborted: () => void;
}

export interface ServerSessionInput {
  readonly socket: Socket;
  readonly encrypted: boolean;
  readonly deps: LaneDeps;
  readonly turn: OutputTurn;
  readonly blocks: ResponseBlocks;
  readonly events: SessionEvents;
}

/** What a client may send ahead on all its streams together; given back as it comes in, paused streams or not. */
const connectionWindowBytes = 1024 * 1024;
/** Heads of responses that a client asked for and does not take: bodies are held back before. */
const outputBytesMax = 4 * 1024 * 1024;

export class ServerSession implements Http2SessionEnd, StreamHost, FrameSink, ByteTaker {
  readonly output: SessionOutput;
  readonly blocks: ResponseBlocks;
  sendWindow = windowBytesAtFirst;
  readonly #socket: Socket;
  readonly #deps: LaneDeps;
  readonly #events: SessionEvents;
  readonly #reads: SocketReads;
  readonly #cutter = new FrameCutter(this);
  readonly #fields: FieldBlocks;
  readonly #peer = new PeerSettings();
  readonly #streams = new Map<number, ServerStream>();
  /** They hold what the connection did not take, and have a window of their own for it. */
  readonly #waiting = new Set<ServerStream>();
  #prefaceBytes = 0;
  #isGreeted = false;
  #areSettingsKnown = false;
  #receiveWindow = connectionWindowBytes;
  #unreturned = 0;
  #emptyFrames = 0;
  /** The last stream that was begun. */
  #lastStream = 0;
  #isGoingAway = false;
  #isOver = false;

  constructor({ socket, encrypted, deps, turn, blocks, events }: ServerSessionInput) {
    this.#socket = socket;
    this.#deps = deps;
    this.#events = events;
    this.blocks = blocks;
    this.output = new SessionOutput(socket, encrypted, turn);
    this.#reads = new SocketReads(socket, deps.reads, this);
    const { limits } = deps;
    this.#fields = new FieldBlocks({
      sectionBytesMax: limits.http2FieldSectionBytesMax,
      fieldsMax: fieldsPerSectionMax(limits),
    });
    this.output.settings(localSettings(limits));
    this.output.windowUpdate(0, connectionWindowBytes - windowBytesAtFirst);
    socket.on('drain', () => this.#drained());
    socket.once('close', () => this.#finish(errorCode.cancel));
    socket.on('error', ignore);
  }

  /** Reads; whatever it is told of, its maker knows it by then. */
  start(): void {
    this.#reads.start();
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  goAway(): void {
    if (this.#isOver || this.#isGoingAway) return;
    this.#isGoingAway = true;
    this.output.goaway(this.#lastStream, errorCode.noError);
    this.#endIfDone();
  }

  flooded(): void {
    this.#fail(errorCode.enhanceYourCalm);
  }

  cut(): void {
    this.#finish(errorCode.cancel);
    this.#socket.destroy();
  }

  take(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    let at = start;
    while (this.#prefaceBytes < clientPreface.length) {
      if (at === end) return;
      if (buffer[at] !== clientPreface[this.#prefaceBytes]) {
        this.#fail(errorCode.protocolError);
        return;
      }
      this.#prefaceBytes += 1;
      at += 1;
    }
    this.#cutter.push(buffer, at, end);
    if (this.output.waitingBytes > outputBytesMax) this.#fail(errorCode.enhanceYourCalm);
  }

  frameTooLarge(): void {
    this.#fail(errorCode.frameSizeError);
  }

  frame(head: FrameHead, buffer: Buffer, start: number, end: number): boolean {
    const code = this.#wrongOrder(head) ? errorCode.protocolError : checkFrame(head);
    const failure = code === errorCode.noError ? this.#frame(head, buffer, start, end) : code;
    if (failure !== errorCode.noError) this.#fail(failure);
    return !this.#isOver;
  }

  waits(stream: ServerStream): void {
    this.#waiting.add(stream);
  }

  streamClosed(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
    if (this.#isGoingAway) this.#endIfDone();
  }

  /** RFC 9113 §3.4: SETTINGS first; §6.10: nothing between the frames of one block. */
  #wrongOrder({ type, flags, stream }: FrameHead): boolean {
    if (!this.#isGreeted) {
      this.#isGreeted = type === frameType.settings && (flags & 1) === 0;
      return !this.#isGreeted;
    }
    const open = this.#fields.openStream;
    return open === 0 ? type === frameType.continuation : type !== frameType.continuation || stream !== open;
  }

  /** Returns the code that ends the connection, or `noError`. */
  #frame(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    switch (head.type) {
      case frameType.data:
        return this.#data(head, buffer, start, end);
      case frameType.headers:
        return this.#block(this.#fields.begin(head, buffer, start, end));
      case frameType.continuation:
        return this.#block(this.#fields.go(head, buffer, start, end));
      case frameType.rstStream:
        return this.#rstStream(head.stream, buffer.readUInt32BE(start));
      case frameType.settings:
        return this.#settings(head, buffer, start, end);
      case frameType.windowUpdate:
        return this.#windowUpdate(head.stream, buffer.readUInt32BE(start) & windowBytesMax);
      case frameType.priority:
        this.#events.controlFrame();
        return this.#dependency(head.stream, buffer.readUInt32BE(start) & windowBytesMax);
      case frameType.ping:
        this.#events.controlFrame();
        if ((head.flags & 1) === 0 && !this.#isOver) this.output.pingAck(buffer, start, end);
        return errorCode.noError;
      case frameType.goaway:
        return errorCode.noError;
      case frameType.pushPromise:
        return errorCode.protocolError;
      default:
        // RFC 9113 §5.5: ignored.
        this.#events.controlFrame();
        return errorCode.noError;
    }
  }

  #data(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    const bytes = end - start;
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) return errorCode.flowControlError;
    this.#giveBack(bytes);
    const padding = paddingOf(head, buffer, start);
    if (padding < 0 || padding > bytes) return errorCode.protocolError;
    const isEnd = (head.flags & 1) !== 0;
    if (bytes === padding && !isEnd) {
      this.#emptyFrames += 1;
      if (this.#emptyFrames > this.#deps.limits.http2EmptyFramesMax) return errorCode.enhanceYourCalm;
    }
    const stream = this.#streams.get(head.stream);
    // Of a stream that was reset, or refused, it may still come (RFC 9113 §5.1).
    if (stream === undefined) return this.#isIdle(head.stream) ? errorCode.protocolError : errorCode.noError;
    const { input } = stream;
    const from = padding === 0 ? start : start + 1;
    const code =
      input === null || input.hasAllCome
        ? errorCode.streamClosed
        : input.take(buffer, from, from + bytes - padding, bytes);
    if (code !== errorCode.noError) this.#spoilt(stream, code);
    else if (isEnd) this.#ended(stream, []);
    return errorCode.noError;
  }

  #giveBack(bytes: number): void {
    this.#unreturned += bytes;
    if (this.#unreturned < connectionWindowBytes / 2) return;
    this.output.windowUpdate(0, this.#unreturned);
    this.#receiveWindow += this.#unreturned;
    this.#unreturned = 0;
  }

  #block(block: WholeBlock | number | null): number {
    if (block === null) return errorCode.noError;
    if (typeof block === 'number') return block;
    const { stream: id, decoded, endsStream } = block;
    if (block.dependsOn === id && this.#dependency(id, id) !== errorCode.noError)
      return errorCode.protocolError;
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      const isSound = endsStream && !decoded.isTooLarge && areTrailersSound(decoded.fields);
      if (stream.input?.hasAllCome !== false) this.#spoilt(stream, errorCode.streamClosed);
      else if (isSound) this.#ended(stream, decoded.fields);
      else this.#spoilt(stream, errorCode.protocolError);
      return errorCode.noError;
    }
    // Trailers of a stream that was reset, or what crossed our GOAWAY (RFC 9113 §6.8).
    if (id <= this.#lastStream || this.#isGoingAway) {
      this.#events.controlFrame();
      return errorCode.noError;
    }
    this.#lastStream = id;
    this.#begin(block);
    return errorCode.noError;
  }

  #begin({ stream: id, decoded, endsStream, dependsOn }: WholeBlock): void {
    const { limits } = this.#deps;
    let refusal: number = errorCode.protocolError;
    if (this.#streams.size >= limits.http2StreamsMax) refusal = errorCode.refusedStream;
    else if (decoded.isTooLarge) refusal = errorCode.enhanceYourCalm;
    const isServed = refusal === errorCode.protocolError && dependsOn !== id;
    const section = isServed ? this.#sectionOf(decoded.fields) : null;
    // RFC 9113 §8.1.1: a length and no body.
    if (section === null || (endsStream && (section.length ?? 0) > 0)) {
      this.output.resetStream(id, refusal);
      this.#events.aborted();
      return;
    }
    const windowBytes = this.#areSettingsKnown ? streamWindowBytes(limits) : windowBytesAtFirst;
    const body = endsStream ? null : { windowBytes, length: section.length };
    const stream = new ServerStream({ id, host: this, sendWindow: this.#peer.initialWindowBytes, body });
    this.#streams.set(id, stream);
    this.#events.request(stream, section, endsStream);
  }

  #sectionOf(fields: WholeBlock['decoded']['fields']): RequestSection | null {
    const known = sections.get(fields);
    if (known !== undefined) return known;
    const section = RequestSection.read(fields);
    sections.set(fields, section);
    return section;
  }

  #ended(stream: ServerStream, trailers: readonly string[]): void {
    stream.endInput(trailers);
  }

  /** A fault of the client on one stream; it counts as one that the client reset. */
  #spoilt(stream: ServerStream, code: number): void {
    stream.resetWith(code);
  }

  #rstStream(id: number, code: number): number {
    if (this.#isIdle(id)) return errorCode.protocolError;
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#events.controlFrame();
    else stream.close(code);
    return errorCode.noError;
  }

  /** RFC 9113 §5.3.1: a stream that depends on itself. Other priorities are not ours to follow. */
  #dependency(id: number, on: number): number {
    if (id !== on) return errorCode.noError;
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#spoilt(stream, errorCode.protocolError);
    return errorCode.noError;
  }

  #settings(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    if ((head.flags & 1) !== 0) {
      this.#settingsKnown();
      return errorCode.noError;
    }
    if (settingsEntries(end - start) > settingsEntriesMax) return errorCode.enhanceYourCalm;
    const before = this.#peer.initialWindowBytes;
    const code = this.#peer.apply(buffer, start, end);
    if (code !== errorCode.noError) return code;
    this.output.settingsAck();
    const more = this.#peer.initialWindowBytes - before;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += more;
      if (stream.sendWindow > windowBytesMax) return errorCode.flowControlError;
    }
    this.#events.greeted();
    if (more > 0) for (const stream of Array.from(this.#streams.values())) stream.pump();
    return errorCode.noError;
  }

  /** Our SETTINGS hold for the client from here on (RFC 9113 §6.5.3). */
  #settingsKnown(): void {
    this.#events.controlFrame();
    if (this.#areSettingsKnown) return;
    this.#areSettingsKnown = true;
    const more = streamWindowBytes(this.#deps.limits) - windowBytesAtFirst;
    for (const stream of this.#streams.values()) stream.input?.widen(more);
  }

  #windowUpdate(id: number, increment: number): number {
    if (id === 0) {
      this.sendWindow += increment;
      if (increment === 0) return errorCode.protocolError;
      if (this.sendWindow > windowBytesMax) return errorCode.flowControlError;
      this.#pump();
      return errorCode.noError;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#isIdle(id) ? errorCode.protocolError : errorCode.noError;
    stream.sendWindow += increment;
    if (increment === 0) this.#spoilt(stream, errorCode.protocolError);
    else if (stream.sendWindow > windowBytesMax) this.#spoilt(stream, errorCode.flowControlError);
    else stream.pump();
    return errorCode.noError;
  }

  #isIdle(id: number): boolean {
    // RFC 9113 §5.1.1: those of even numbers would be ours, and we begin none.
    return (id & 1) === 0 || (id > this.#lastStream && !this.#isGoingAway);
  }

  /** The socket takes more: the frames that waited, then the streams. */
  #drained(): void {
    this.output.flush();
    this.#pump();
  }

  /** Each stream that waits gets its turn; one that still waits goes to the end of the line. */
  #pump(): void {
    const waiting = this.#waiting;
    let turns = waiting.size;
    for (const stream of waiting) {
      if (turns === 0 || this.output.isBlocked || this.sendWindow <= 0) return;
      turns -= 1;
      waiting.delete(stream);
      stream.pump();
    }
  }

  /** GOAWAY with that code, and as much time for the client to read it as anybody gets. */
  #fail(code: number): void {
    if (this.#isOver) return;
    this.output.goaway(this.#lastStream, code);
    this.#finish(code);
    this.output.close();
    closeLingering(this.#socket, this.#deps.clock, this.#deps.limits);
  }

  #finish(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of Array.from(this.#streams.values())) stream.close(code);
  }

  #endIfDone(): void {
    if (this.#streams.size > 0 || this.#isOver) return;
    this.output.flushNow();
    if (!this.#socket.destroyed) this.#socket.end();
  }
}

/** By the decoded fields: a client that repeats itself is given the same ones. */
const sections = new WeakMap<readonly string[], RequestSection | null>();

function ignore(): void {
  // Its 'close' is what counts.
}
