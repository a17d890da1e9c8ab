// The streams of one connection, and what the client lets us send: its SETTINGS, the connection's window, who waits for
// which. Knows frames only by what they say.
import { errorCode, windowBytesAtFirst, windowBytesMax } from '../../../h2/codes.ts';
import { PeerSettings, settingsEntries, settingsEntriesMax } from '../../../h2/peer-settings.ts';
import type { Limits } from '../../../limits.ts';
import { streamWindowBytes } from '../local-settings.ts';
import type { ResponseBlocks } from './response-blocks.ts';
import { ServerStream, type StreamHost } from './server-stream.ts';
import type { SessionOutput } from './session-output.ts';

export interface StreamTableInput {
  readonly output: SessionOutput;
  readonly blocks: ResponseBlocks;
  readonly limits: Limits;
  /** None is left. */
  readonly emptied: () => void;
}

export class StreamTable implements StreamHost {
  readonly output: SessionOutput;
  readonly blocks: ResponseBlocks;
  sendWindow = windowBytesAtFirst;
  /** The last stream that was begun. */
  last = 0;
  /** GOAWAY was said: no other begins. */
  isClosed = false;
  readonly #limits: Limits;
  readonly #emptied: () => void;
  readonly #peer = new PeerSettings();
  readonly #streams = new Map<number, ServerStream>();
  /** They hold what the connection did not take, and have a window of their own for it. */
  readonly #waiting = new Set<ServerStream>();
  #areSettingsKnown = false;

  constructor({ output, blocks, limits, emptied }: StreamTableInput) {
    this.output = output;
    this.blocks = blocks;
    this.#limits = limits;
    this.#emptied = emptied;
  }

  get size(): number {
    return this.#streams.size;
  }

  find(id: number): ServerStream | undefined {
    return this.#streams.get(id);
  }

  /** Nobody has begun it (RFC 9113 §5.1.1): those of even numbers would be ours, and we begin none. */
  isIdle(id: number): boolean {
    return (id & 1) === 0 || (id > this.last && !this.isClosed);
  }

  /** `length` as Content-Length told. */
  open(id: number, { endsStream, length }: { endsStream: boolean; length: number | null }): ServerStream {
    const windowBytes = this.#areSettingsKnown ? streamWindowBytes(this.#limits) : windowBytesAtFirst;
    const body = endsStream ? null : { windowBytes, length };
    const stream = new ServerStream({ id, host: this, sendWindow: this.#peer.initialWindowBytes, body });
    this.#streams.set(id, stream);
    return stream;
  }

  closeAll(code: number): void {
    for (const stream of Array.from(this.#streams.values())) stream.close(code);
  }

  waits(stream: ServerStream): void {
    this.#waiting.add(stream);
  }

  streamClosed(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
    if (this.#streams.size === 0) this.#emptied();
  }

  /** SETTINGS of the client. The code that ends the connection, or `noError`. */
  applySettings(buffer: Buffer, start: number, end: number): number {
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
    if (more > 0) for (const stream of Array.from(this.#streams.values())) stream.pump();
    return errorCode.noError;
  }

  /** Our SETTINGS hold for the client from here on (RFC 9113 §6.5.3). */
  settingsKnown(): void {
    if (this.#areSettingsKnown) return;
    this.#areSettingsKnown = true;
    const more = streamWindowBytes(this.#limits) - windowBytesAtFirst;
    for (const stream of this.#streams.values()) stream.input?.widen(more);
  }

  /** The code that ends the connection, or `noError`. */
  windowUpdate(id: number, increment: number): number {
    if (id === 0) return this.#connectionUpdate(increment);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.isIdle(id) ? errorCode.protocolError : errorCode.noError;
    stream.sendWindow += increment;
    if (increment === 0) stream.resetWith(errorCode.protocolError);
    else if (stream.sendWindow > windowBytesMax) stream.resetWith(errorCode.flowControlError);
    else stream.pump();
    return errorCode.noError;
  }

  #connectionUpdate(increment: number): number {
    if (increment === 0) return errorCode.protocolError;
    this.sendWindow += increment;
    if (this.sendWindow > windowBytesMax) return errorCode.flowControlError;
    this.pump();
    return errorCode.noError;
  }

  /** Each stream that waits gets its turn; one that still waits goes to the end of the line. */
  pump(): void {
    const waiting = this.#waiting;
    let turns = waiting.size;
    for (const stream of waiting) {
      if (turns === 0 || this.output.isBlocked || this.sendWindow <= 0) return;
      turns -= 1;
      waiting.delete(stream);
      stream.pump();
    }
  }
}
