// Fuzz target: the chunk scanner finds the same data, end and verdict as a naive decoder, over any division.
import assert from 'node:assert/strict';
import { ChunkScanner } from '../h1/chunk-scanner.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const limits = { extensionBytesMax: 64, trailerBytesMax: 256, trailerFieldsMax: 4 };

const corpus = [
  '5\r\nhello\r\n0\r\n\r\n',
  '5;ext=1;q="a b;\\"";r\r\nhello\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n',
  'A\r\n0123456789\r\n00\r\nX-Sum: 1\r\nY: z\r\n\r\n',
  '0\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));

interface Decoded {
  readonly verdict: 'done' | 'malformed' | 'open';
  readonly data: string;
  /** Octets of the body, meaningful when done. */
  readonly consumed: number;
  readonly trailers: readonly string[];
}

export const chunkScannerTarget: FuzzTarget = {
  name: 'chunk scanner',
  corpus,
  check: (bytes, mutator) => {
    const whole = decode([bytes]);
    const naive = decodeNaively(bytes.toString('latin1'));
    if (naive.verdict === 'done') assert.deepEqual(whole, naive);
    else assert.notEqual(whole.verdict, 'done');
    const divided = decode(mutator.split(bytes, 12));
    // Trailers are looked at again only when a line ends, so `malformed` may still be `open`; never `done`.
    if (whole.verdict !== 'malformed' || divided.verdict === 'done')
      assert.equal(divided.verdict, whole.verdict);
    if (whole.verdict === 'done') assert.deepEqual(divided, whole);
    else assert.ok(whole.data.startsWith(divided.data) || divided.data.startsWith(whole.data));
  },
};

function decode(pieces: readonly Buffer[]): Decoded {
  const scanner = new ChunkScanner(limits);
  let data = '';
  let consumed = 0;
  for (const piece of pieces) {
    let position = 0;
    while (position < piece.length && !scanner.done && !scanner.malformed) {
      const next = scanner.scan(piece, position, piece.length);
      data += piece.toString('latin1', scanner.dataStart, scanner.dataEnd);
      assert.ok(next >= position && next <= piece.length, 'the position stays within the input');
      position = next;
    }
    consumed += position;
  }
  const verdict = scanner.done ? 'done' : scanner.malformed ? 'malformed' : 'open';
  return { verdict, data, consumed, trailers: scanner.done ? scanner.trailers() : [] };
}

const notDone: Decoded = { verdict: 'open', data: '', consumed: 0, trailers: [] };
const sizeLine =
  /^([\da-fA-F]{1,13})((?:;[!#$%&'*+\-.^_`|~\dA-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~\dA-Za-z]+|"(?:[\t\u0020\u0021\u0023-\u005b\u005d-\u007e\u0080-\u00ff]|\\[\t\u0020-\u007e\u0080-\u00ff])*"))?)*)\r\n/;
const trailerPart = /^(?:[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\u0020-\u007e\u0080-\u00ff]*\r\n)*\r\n/;
const leftOut = new Set(
  'host connection content-length transfer-encoding expect upgrade te trailer keep-alive proxy-connection http2-settings'.split(
    ' ',
  ),
);

const reframing = new Set(['content-length', 'transfer-encoding']);

function decodeNaively(text: string): Decoded {
  let position = 0;
  let data = '';
  let extensionBytes = 0;
  for (;;) {
    const line = sizeLine.exec(text.slice(position));
    if (line === null) return notDone;
    extensionBytes += Math.max(0, (line[2] ?? '').length - 1);
    if (extensionBytes > limits.extensionBytesMax) return notDone;
    position += line[0].length;
    const size = Number.parseInt(line[1] ?? '', 16);
    if (size === 0) break;
    if (text.slice(position + size, position + size + 2) !== '\r\n') return notDone;
    data += text.slice(position, position + size);
    position += size + 2;
  }
  const part = trailerPart.exec(text.slice(position));
  if (part === null || (part[0].length > limits.trailerBytesMax && part[0].length > 2)) return notDone;
  const lines = part[0].split('\r\n').filter((line) => line !== '');
  const trailers = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
  if (lines.length > limits.trailerFieldsMax) return notDone;
  if (trailers.some((item, index) => index % 2 === 0 && reframing.has(item.toLowerCase()))) return notDone;
  const allowed = trailers.filter(
    (_, index) => !leftOut.has((trailers[index - (index % 2)] ?? '').toLowerCase()),
  );
  return { verdict: 'done', data, consumed: position + part[0].length, trailers: allowed };
}
