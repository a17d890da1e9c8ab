// A small mutation engine: seeds from a corpus, bytes flipped, cut, doubled and spliced with the strings that
// parsers trip over. Deterministic by seed, so that a finding can be run again. Knows no grammar.

/** Fragments of known attacks and edge cases (spec 90, bad input). */
const dictionary = [
  '\r\n', '\n', '\r', '\r\n\r\n', '\n\n', '\0', ' ', '\t', ':', ' :', ': ', ',', ';', '0', '00', '-1', '+1', '0x10', '1e3',
  '9007199254740993', 'Content-Length: 5\r\n', 'content-length:5\r\n', 'Content-Length: 5, 5\r\n', 'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n', 'Transfer-Encoding : chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\tchunked\r\n', ' folded: x\r\n', 'Connection: close\r\n', 'Connection: upgrade\r\n', 'Host: a\r\n',
  'HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/1.1 200 OK\r\n', '101', '204', '304', '100', '5\r\n', '5;x=y\r\n', '5;\n', 'ffffffffffffffff\r\n',
  '0\r\n\r\n', '0\r\nX: y\r\n\r\n', '0\r\nContent-Length: 1\r\n\r\n', '\u00e9', '\u007f', '%00', '%2e%2e', 'http://a/', '*', '*.', '/*', 'example.com', '//', '[a]\n', '[[a]]\n', ' = ', '"', '"""', '{a=1}',
].map((text) => Buffer.from(text, 'latin1')); // prettier-ignore

export class Mutator {
  #state: number;
  readonly #corpus: readonly Buffer[];

  constructor(seed: number, corpus: readonly Buffer[]) {
    this.#state = seed >>> 0 || 1;
    this.#corpus = corpus;
  }

  /** Below `bound`; mulberry32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  next(): Buffer {
    let bytes = this.#pick(this.#corpus);
    for (let times = this.below(6); times > 0; times -= 1) bytes = this.#mutate(bytes);
    return Buffer.from(bytes);
  }

  /** Divides bytes into pieces of 1 to `longest` octets. */
  split(bytes: Buffer, longest: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + 1 + this.below(longest));
      pieces.push(bytes.subarray(start, end));
      start = end;
    }
    return pieces;
  }

  #pick(list: readonly Buffer[]): Buffer {
    return list[this.below(list.length)] ?? Buffer.alloc(0);
  }

  #mutate(bytes: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    const before = bytes.subarray(0, at);
    const length = this.below(9);
    switch (this.below(6)) {
      case 0:
        return Buffer.concat([before, Buffer.from([this.below(256)]), bytes.subarray(at + 1)]);
      case 1:
        return Buffer.concat([before, bytes.subarray(at + length)]);
      case 2:
        return Buffer.concat([before, bytes.subarray(Math.max(0, at - length * 4), at), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([before, this.#pick(this.#corpus).subarray(this.below(40))]);
      case 4:
        return before;
      default:
        return Buffer.concat([before, this.#pick(dictionary), bytes.subarray(at)]);
    }
  }
}
