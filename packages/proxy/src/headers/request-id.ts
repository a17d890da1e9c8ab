// The id of a request: the client's when it is safe to repeat in headers and logs, else a new one.
import { randomUUID } from 'node:crypto';

const safeId = /^[\w.:+/=~@-]+$/;

const isSafe = (given: string | undefined, charsMax: number): given is string =>
  given !== undefined && given.length <= charsMax && safeId.test(given);

/** For the rare head that never became a request. */
export function chooseRequestId(given: string | undefined, charsMax: number): string {
  return isSafe(given, charsMax) ? given : randomUUID();
}

const countBits = 12;
const countsPerBlock = 2 ** countBits;
const blockBits = 36;
const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/**
 * Ids that differ in every request of every process: UUIDs of version 8 (RFC 9562 §5.8) with 74 random bits made
 * once, and a count in the last 48 that starts anywhere. A tenth of the cost of a random one; an id is no secret.
 */
export class RequestIds {
  readonly #charsMax: number;
  readonly #prefix: string;
  readonly #tails: readonly string[] = Array.from({ length: countsPerBlock }, (_, count) =>
    hexOf(count, countBits / 4),
  );
  #block: number;
  #blockText: string;
  #count = 0;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
    const random = randomUUID();
    // 8-4-4-4-12: the version is the 15th character; the variant, in the 20th, is right already.
    this.#prefix = `${random.slice(0, 14)}8${random.slice(15, 24)}`;
    this.#block = Number.parseInt(random.slice(24, 24 + blockBits / 4), 16);
    this.#blockText = this.#textOfBlock();
  }

  choose(given: string | undefined): string {
    return given !== undefined && isSafe(given, this.#charsMax) ? given : this.next();
  }

  next(): string {
    if (this.#count === countsPerBlock) {
      this.#count = 0;
      this.#block = (this.#block + 1) % 2 ** blockBits;
      this.#blockText = this.#textOfBlock();
    }
    const tail = this.#tails[this.#count] ?? '';
    this.#count += 1;
    return this.#blockText + tail;
  }

  #textOfBlock(): string {
    return this.#prefix + hexOf(this.#block, blockBits / 4);
  }
}
