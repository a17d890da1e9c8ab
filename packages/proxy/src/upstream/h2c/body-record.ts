// What was sent of a request body: how much of it is still to come, and the octets themselves while the request may have
// to be sent again. Bounded: past its limit there is nothing to repeat. Knows no stream.
import type { RawHeaders, UpstreamBody } from '../upstream.types.ts';

export class BodyRecord {
  readonly #bytesMax: number;
  /** As announced; Infinity where nothing was. */
  readonly #announced: number;
  readonly #mayBeShort: boolean;
  #chunks: Buffer[] | null = [];
  #bytes = 0;
  #end: RawHeaders | null = null;

  constructor(body: UpstreamBody, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#announced = body.kind === 'sized' ? body.bytes : Infinity;
    this.#mayBeShort = body.kind !== 'sized';
    if (body.kind === 'none') this.#end = [];
  }

  /** Null: it cannot be repeated any more. */
  get chunks(): readonly Buffer[] | null {
    return this.#chunks;
  }

  /** The trailers, once the body has ended. */
  get end(): RawHeaders | null {
    return this.#end;
  }

  get isTooLong(): boolean {
    return this.#bytes > this.#announced;
  }

  get isTooShort(): boolean {
    return !this.#mayBeShort && this.#bytes < this.#announced;
  }

  wrote(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) this.drop();
    else this.#chunks?.push(chunk);
  }

  ended(trailers: RawHeaders): void {
    this.#end = trailers;
  }

  /** The app has begun to answer: it will not be asked again. */
  drop(): void {
    this.#chunks = null;
  }
}
