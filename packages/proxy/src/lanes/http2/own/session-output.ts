// Frames on their way to one client, gathered until the turn ends so that the answers of many streams are one write.
// Knows frames, no stream and no window.
import type { Socket } from 'node:net';
import { frameFlag, frameHeadBytes, framePayloadBytesMax, frameType } from '../../../h2/codes.ts';
import type { OutputTurn } from './output-turn.ts';

/** An encoded field block; the parts are nobody's to change. */
export interface FieldOctets {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/** A frame that was written: its flags can still be changed while it waits. */
export interface FramePlace {
  flushes: number;
  flagsAt: number;
}

const flagsOffset = 4;

export class SessionOutput {
  readonly #socket: Socket;
  readonly #encrypted: boolean;
  readonly #turn: OutputTurn;
  #buffer: Buffer | null = null;
  #used = 0;
  #flushes = 0;
  #lastFrameAt = 0;
  #lastTakesEnd = false;
  #isClosed = false;

  constructor(socket: Socket, encrypted: boolean, turn: OutputTurn) {
    this.#socket = socket;
    this.#encrypted = encrypted;
    this.#turn = turn;
  }

  /** The socket takes no more at once: what can wait should. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Octets that the client has not taken. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#used;
  }

  /** At most `framePayloadBytesMax` octets. */
  data(stream: number, source: Buffer, start: number, end: number): void {
    const at = this.#frame(frameType.data, 0, stream, end - start);
    if (this.#buffer !== null) source.copy(this.#buffer, at, start, end);
  }

  /** An empty DATA frame that ends the stream. */
  endOfData(stream: number): void {
    this.#frame(frameType.data, frameFlag.endStream, stream, 0);
  }

  /** A field block, in as many frames as it takes. */
  fields(stream: number, block: FieldOctets, endsStream: boolean): void {
    const flags = endsStream ? frameFlag.endStream : 0;
    if (block.bytes > framePayloadBytesMax) {
      this.#longFields(stream, flags, Buffer.concat(block.parts, block.bytes));
      return;
    }
    let at = this.#frame(frameType.headers, frameFlag.endHeaders | flags, stream, block.bytes);
    for (const part of block.parts) {
      this.#buffer?.set(part, at);
      at += part.length;
    }
  }

  /** Of the frame written last, where END_STREAM could stand in it. */
  notePlace(place: FramePlace): void {
    place.flushes = this.#lastTakesEnd ? this.#flushes : -1;
    place.flagsAt = this.#lastFrameAt + flagsOffset;
  }

  /** END_STREAM on a frame that was written before. False: it is on its way already. */
  endStreamAt(place: FramePlace): boolean {
    if (this.#buffer === null || place.flushes !== this.#flushes) return false;
    this.#buffer[place.flagsAt] = (this.#buffer[place.flagsAt] ?? 0) | frameFlag.endStream;
    return true;
  }

  resetStream(stream: number, code: number): void {
    this.#number(frameType.rstStream, stream, code);
  }

  windowUpdate(stream: number, increment: number): void {
    this.#number(frameType.windowUpdate, stream, increment);
  }

  /** Identifiers and values in turn. */
  settings(entries: readonly number[]): void {
    let at = this.#frame(frameType.settings, 0, 0, entries.length * 3);
    for (let index = 0; index + 1 < entries.length; index += 2) {
      at = this.#buffer?.writeUInt16BE(entries[index] ?? 0, at) ?? at;
      at = this.#buffer?.writeUInt32BE(entries[index + 1] ?? 0, at) ?? at;
    }
  }

  settingsAck(): void {
    this.#frame(frameType.settings, frameFlag.ack, 0, 0);
  }

  /** Eight octets of our own, which the client sends back. */
  ping(octets: Buffer): void {
    this.#ping(0, octets, 0, octets.length);
  }

  pingAck(source: Buffer, start: number, end: number): void {
    this.#ping(frameFlag.ack, source, start, end);
  }

  goaway(lastStream: number, code: number): void {
    const at = this.#frame(frameType.goaway, 0, 0, 8);
    this.#buffer?.writeUInt32BE(lastStream, at);
    this.#buffer?.writeUInt32BE(code, at + 4);
  }

  /** Writes what is gathered; where the socket takes no more, it goes on gathering until this is called on 'drain'. */
  flush(): void {
    if (!this.isBlocked) this.flushNow();
  }

  /** Writes what is gathered, to wait in the socket if need be. */
  flushNow(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    const used = this.#used;
    this.#buffer = null;
    this.#used = 0;
    this.#flushes += 1;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) {
      this.#turn.giveBuffer(buffer);
      return;
    }
    const octets = buffer.subarray(0, used);
    const wasEmpty = socket.writableLength === 0;
    // What waits keeps the buffer that it stands in: a few octets are not to keep a large one.
    if (!wasEmpty && used < buffer.length / 2) {
      const copy = Buffer.allocUnsafeSlow(used);
      octets.copy(copy);
      this.#turn.giveBuffer(buffer);
      socket.write(copy);
      return;
    }
    socket.write(octets);
    // A TLS socket with nothing before it has encrypted or copied the bytes already (tls_wrap.cc, DoWrite); a plain
    // one refers to what the kernel did not take.
    if (socket.writableLength === 0 || (this.#encrypted && wasEmpty)) this.#turn.giveBuffer(buffer);
  }

  /** Nothing more goes out. */
  close(): void {
    this.flushNow();
    this.#isClosed = true;
  }

  #longFields(stream: number, flags: number, block: Buffer): void {
    for (let at = 0; at < block.length; at += framePayloadBytesMax) {
      const end = Math.min(block.length, at + framePayloadBytesMax);
      const [type, own] = at === 0 ? [frameType.headers, flags] : [frameType.continuation, 0];
      const to = this.#frame(type, end === block.length ? own | frameFlag.endHeaders : own, stream, end - at);
      if (this.#buffer !== null) block.copy(this.#buffer, to, at, end);
    }
  }

  #ping(flags: number, source: Buffer, start: number, end: number): void {
    const at = this.#frame(frameType.ping, flags, 0, end - start);
    if (this.#buffer !== null) source.copy(this.#buffer, at, start, end);
  }

  #number(type: number, stream: number, value: number): void {
    const at = this.#frame(type, 0, stream, 4);
    this.#buffer?.writeUInt32BE(value, at);
  }

  /** Writes the head; returns where the payload goes. */
  #frame(type: number, flags: number, stream: number, payloadBytes: number): number {
    if (this.#isClosed) return 0;
    const bytes = frameHeadBytes + payloadBytes;
    if (this.#buffer !== null && this.#used + bytes > this.#buffer.length) this.flushNow();
    let buffer = this.#buffer;
    if (buffer === null) {
      buffer = this.#turn.takeBuffer();
      this.#buffer = buffer;
      this.#turn.add(this);
    }
    const at = this.#used;
    buffer[at] = payloadBytes >>> 16;
    buffer[at + 1] = payloadBytes >>> 8;
    buffer[at + 2] = payloadBytes;
    buffer[at + 3] = type;
    buffer[at + flagsOffset] = flags;
    buffer.writeUInt32BE(stream, at + 5);
    this.#lastFrameAt = at;
    this.#lastTakesEnd = type <= frameType.headers;
    this.#used = at + bytes;
    return at + frameHeadBytes;
  }
}
