// The server's side of one HTTP/2 connection, framed by us (RFC 9113): the preface, the order of frames, those that concern
// the connection as a whole, and its end. What a stream carries is an exchange's affair.
import type { Socket } from 'node:net';
import {
  clientPreface,
  errorCode,
  frameFlag,
  frameType,
  windowBytesAtFirst,
  windowBytesMax,
} from '../../../h2/codes.ts';
import { FrameCutter, type FrameHead, type FrameSink } from '../../../h2/frame-cutter.ts';
import type { LaneDeps } from '../../general/lane-deps.ts';
import { closeLingering } from '../../general/lingering-close.ts';
import { type ByteTaker, SocketReads } from '../../socket-reads.ts';
import type { Http2SessionEnd } from '../http2-connection.ts';
import { connectionWindowBytes, localSettings } from '../local-settings.ts';
import { checkFrame } from './frame-check.ts';
import type { OutputTurn } from './output-turn.ts';
import { type RequestEvents, RequestFrames } from './request-frames.ts';
import type { ResponseBlocks } from './response-blocks.ts';
import { SessionOutput } from './session-output.ts';
import { StreamTable } from './stream-table.ts';

export interface SessionEvents extends RequestEvents {
  /** SETTINGS of the client. */
  readonly greeted: () => void;
}

export interface ServerSessionInput {
  readonly socket: Socket;
  readonly encrypted: boolean;
  readonly deps: LaneDeps;
  readonly turn: OutputTurn;
  readonly blocks: ResponseBlocks;
  readonly events: SessionEvents;
}

/** Comes back when the client has read what was said before it. */
const lastPing = Buffer.from('goodbye.', 'latin1');
/** Heads of responses that a client asked for and does not take: bodies are held back before. */
const outputBytesMax = 4 * 1024 * 1024;

export class ServerSession implements Http2SessionEnd, FrameSink, ByteTaker {
  readonly #socket: Socket;
  readonly #deps: LaneDeps;
  readonly #events: SessionEvents;
  readonly #output: SessionOutput;
  readonly #streams: StreamTable;
  readonly #requests: RequestFrames;
  readonly #reads: SocketReads;
  readonly #cutter = new FrameCutter(this);
  #prefaceBytes = 0;
  #isGreeted = false;
  #isOver = false;
  /** Of the last word, once the first GOAWAY was said. */
  #cancelLastWord: (() => void) | null = null;

  constructor({ socket, encrypted, deps, turn, blocks, events }: ServerSessionInput) {
    const { limits } = deps;
    this.#socket = socket;
    this.#deps = deps;
    this.#events = events;
    const output = new SessionOutput(socket, encrypted, turn);
    this.#output = output;
    this.#streams = new StreamTable({ output, blocks, limits, emptied: () => this.#endIfDone() });
    this.#requests = new RequestFrames(this.#streams, limits, events);
    this.#reads = new SocketReads(socket, deps.reads, this);
    output.settings(localSettings(limits));
    output.windowUpdate(0, connectionWindowBytes - windowBytesAtFirst);
    socket.on('drain', () => this.#drained());
    socket.once('close', () => this.#finish(errorCode.cancel));
    socket.on('error', ignore);
  }

  /** Reads; whatever it is told of, its maker knows it by then. */
  start(): void {
    this.#reads.start();
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  /**
   * In two steps (RFC 9113 §6.8): the client is told to begin nothing more, and what it had begun until it heard that is
   * served; then, which stream was the last. So no request crosses a GOAWAY that does not know of it.
   */
  goAway(): void {
    if (this.#isOver || this.#cancelLastWord !== null) return;
    const { clock, limits } = this.#deps;
    this.#output.goaway(windowBytesMax, errorCode.noError);
    this.#output.ping(lastPing);
    this.#cancelLastWord = clock.after(limits.lingerMs, () => this.#sayLast());
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
    if (this.#output.waitingBytes > outputBytesMax) this.#fail(errorCode.enhanceYourCalm);
  }

  frameTooLarge(): void {
    this.#fail(errorCode.frameSizeError);
  }

  frame(head: FrameHead, buffer: Buffer, start: number, end: number): boolean {
    const code = this.#isOutOfOrder(head) ? errorCode.protocolError : checkFrame(head);
    const failure = code === errorCode.noError ? this.#frame(head, buffer, start, end) : code;
    if (failure !== errorCode.noError) this.#fail(failure);
    return !this.#isOver;
  }

  /** RFC 9113 §3.4: SETTINGS first; §6.10: nothing between the frames of one block. */
  #isOutOfOrder({ type, flags, stream }: FrameHead): boolean {
    if (!this.#isGreeted) {
      this.#isGreeted = type === frameType.settings && (flags & frameFlag.ack) === 0;
      return !this.#isGreeted;
    }
    const open = this.#requests.openStream;
    return open === 0 ? type === frameType.continuation : type !== frameType.continuation || stream !== open;
  }

  /** Returns the code that ends the connection, or `noError`. */
  #frame(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    switch (head.type) {
      case frameType.data:
        return this.#requests.data(head, buffer, start, end);
      case frameType.headers:
        return this.#requests.headers(head, buffer, start, end);
      case frameType.continuation:
        return this.#requests.continuation(head, buffer, start, end);
      case frameType.rstStream:
        return this.#requests.rstStream(head.stream, buffer.readUInt32BE(start));
      case frameType.windowUpdate:
        return this.#streams.windowUpdate(head.stream, buffer.readUInt32BE(start) & windowBytesMax);
      case frameType.pushPromise:
        return errorCode.protocolError;
      case frameType.goaway:
        return errorCode.noError;
      default:
        return this.#controlFrame(head, buffer, start, end);
    }
  }

  /** What no request explains is counted. */
  #controlFrame(head: FrameHead, buffer: Buffer, start: number, end: number): number {
    const isAck = (head.flags & frameFlag.ack) !== 0;
    if (head.type === frameType.settings && !isAck) {
      const code = this.#streams.applySettings(buffer, start, end);
      if (code === errorCode.noError) this.#events.greeted();
      return code;
    }
    this.#events.controlFrame();
    if (this.#isOver) return errorCode.noError;
    if (head.type === frameType.settings) this.#streams.settingsKnown();
    else if (head.type === frameType.ping) this.#ping(isAck, buffer, start, end);
    else if (head.type === frameType.priority)
      this.#requests.dependency(head.stream, buffer.readUInt32BE(start) & windowBytesMax);
    // Others are ignored (RFC 9113 §5.5).
    return errorCode.noError;
  }

  #ping(isAck: boolean, buffer: Buffer, start: number, end: number): void {
    if (!isAck) this.#output.pingAck(buffer, start, end);
    else if (this.#cancelLastWord !== null && lastPing.equals(buffer.subarray(start, end))) this.#sayLast();
  }

  #sayLast(): void {
    if (this.#isOver || this.#streams.isClosed) return;
    this.#cancelLastWord?.();
    this.#streams.isClosed = true;
    this.#output.goaway(this.#streams.last, errorCode.noError);
    this.#endIfDone();
  }

  /** The socket takes more: the frames that waited, then the streams. */
  #drained(): void {
    this.#output.flush();
    this.#streams.pump();
  }

  /** GOAWAY with that code, and as much time for the client to read it as anybody gets. */
  #fail(code: number): void {
    if (this.#isOver) return;
    this.#output.goaway(this.#streams.last, code);
    this.#finish(code);
    this.#output.close();
    closeLingering(this.#socket, this.#deps.clock, this.#deps.limits);
  }

  #finish(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelLastWord?.();
    this.#streams.closeAll(code);
  }

  #endIfDone(): void {
    if (!this.#streams.isClosed || this.#streams.size > 0 || this.#isOver) return;
    this.#output.flushNow();
    if (!this.#socket.destroyed) this.#socket.end();
  }
}

function ignore(): void {
  // Its 'close' is what counts.
}
