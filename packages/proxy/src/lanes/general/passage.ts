// One direction of a tunnel: what comes from one side goes to the other, as fast as that takes it, and so does its end.
import type { Duplex } from 'node:stream';
import { type ByteTaker, SocketReads } from '../socket-reads.ts';
import type { StaticReads } from '../static-reads.ts';

export interface PassageInput {
  readonly source: Duplex;
  readonly sink: Duplex;
  readonly reads: StaticReads;
  /** These bytes were passed on just now. */
  readonly passed: (piece: Buffer) => void;
}

export class Passage implements ByteTaker {
  readonly #input: PassageInput;
  readonly #reads: SocketReads;
  #stopped = false;

  constructor(input: PassageInput) {
    const { source, sink, reads } = input;
    this.#input = input;
    this.#reads = new SocketReads(source, reads, this);
    source.once('end', () => {
      if (!this.#stopped && sink.writable) sink.end();
    });
    sink.on('drain', () => this.#reads.resume());
  }

  start(): void {
    this.#reads.start();
    if (!this.#reads.isPaused) this.#input.source.resume();
  }

  /** From here on the source is read into the void, and the sink left alone. */
  stop(): void {
    this.#stopped = true;
    this.#reads.resume();
  }

  take(buffer: Buffer, start: number, end: number): void {
    const { sink, passed } = this.#input;
    if (this.#stopped || !sink.writable) return;
    // The buffer that it was read into is every connection's, and the sink may refer to what it was given for long.
    const piece = Buffer.from(buffer.subarray(start, end));
    const isFlowing = sink.write(piece);
    passed(piece);
    if (!isFlowing && !this.#stopped) this.#reads.pause();
  }
}
