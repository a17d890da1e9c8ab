// What comes in on one connection: which buffer it is read into, what of it is kept for later, and whether more is read.
// Knows no message.
import type { Duplex } from 'node:stream';
import type { ByteReceiver, StaticReads } from './static-reads.ts';

export interface ByteTaker {
  /** The bytes are valid during the call. */
  readonly take: (buffer: Buffer, start: number, end: number) => void;
}

export class SocketReads implements ByteReceiver {
  /** Read, not yet used: a part of a head, body bytes nobody asked for yet, or the next request. */
  held: Buffer | null = null;
  readonly #socket: Duplex;
  readonly #reads: StaticReads;
  readonly #taker: ByteTaker;
  #ownBuffer: Buffer | null = null;
  #paused = false;
  readonly #onData = (chunk: Buffer): void => this.#taker.take(chunk, 0, chunk.length);

  constructor(socket: Duplex, reads: StaticReads, taker: ByteTaker) {
    this.#socket = socket;
    this.#reads = reads;
    this.#taker = taker;
  }

  /** What the socket holds already comes first, before this returns. */
  start(): void {
    const early: unknown = this.#socket.read();
    if (!this.#reads.attach(this.#socket, this)) {
      this.#socket.on('data', this.#onData);
    }
    if (early instanceof Buffer) this.#taker.take(early, 0, early.length);
  }

  bytesRead(buffer: Buffer, bytes: number): boolean {
    this.#taker.take(buffer, 0, bytes);
    return !this.#paused;
  }

  nextReadBuffer(): Buffer {
    if (this.#ownBuffer !== null) return this.#ownBuffer;
    this.#reads.askForBuffers(this.#socket, null);
    return this.#reads.shared;
  }

  /** The bytes read last are still referred to: read into another buffer from now on. */
  keepBuffer(): void {
    if (this.#ownBuffer === null) this.#reads.askForBuffers(this.#socket, this);
    this.#ownBuffer = this.#reads.createBuffer();
  }

  shareBuffer(): void {
    this.#ownBuffer = null;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused || this.#socket.destroyed) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Keeps bytes for later and reads no more until they are used. */
  hold(buffer: Buffer, start: number, end: number): void {
    const piece = buffer.subarray(start, end);
    this.held = this.held === null ? Buffer.from(piece) : Buffer.concat([this.held, piece]);
    this.pause();
  }

  /** What was kept, given once more. */
  takeHeld(): void {
    const { held } = this;
    this.held = null;
    if (held !== null) this.#taker.take(held, 0, held.length);
  }

  /** The socket is as if nobody had read these bytes. */
  release(unread: Buffer): void {
    this.#socket.off('data', this.#onData);
    this.resume();
    this.#reads.release(this.#socket);
    this.#socket.pause();
    this.#socket.unshift(Buffer.from(unread));
  }
}
