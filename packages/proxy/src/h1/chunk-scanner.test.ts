import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkScanner, defaultChunkLimits } from './chunk-scanner.ts';

interface Outcome {
  readonly verdict: 'done' | 'malformed' | 'open';
  readonly data: string;
  readonly rest: string;
  readonly trailers: readonly string[];
}

function scanAll(pieces: readonly Buffer[], scanner = new ChunkScanner()): Outcome {
  let data = '';
  let rest = '';
  for (const piece of pieces) {
    let position = 0;
    while (position < piece.length && !scanner.done && !scanner.malformed) {
      position = scanner.scan(piece, position, piece.length);
      data += piece.toString('latin1', scanner.dataStart, scanner.dataEnd);
    }
    if (scanner.done) rest += piece.toString('latin1', position);
  }
  const verdict = scanner.done ? 'done' : scanner.malformed ? 'malformed' : 'open';
  return { verdict, data, rest, trailers: scanner.done ? scanner.trailers() : [] };
}

const scanText = (text: string): Outcome => scanAll([Buffer.from(text, 'latin1')]);

const chunk = fc.record({
  data: fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }),
  extension: fc.constantFrom('', ';a', ';a=b', ';a="b c; d"', ';a;b="\\"\\\\";c=d'),
  upper: fc.boolean(),
  zeros: fc.nat(3),
});
const body = fc.record({
  chunks: fc.array(chunk, { maxLength: 8 }),
  trailers: fc.array(fc.constantFrom(['X-Sum', 'abc'], ['Server-Timing', 'a;dur=1']), { maxLength: 3 }),
  cuts: fc.array(fc.nat(400), { maxLength: 12 }),
  rest: fc.constantFrom('', 'GET / HTTP/1.1\r\n'),
});

describe('the chunk scanner', () => {
  it('finds the same data, trailers and end however the body is divided', () => {
    fc.assert(
      fc.property(body, ({ chunks, trailers, cuts, rest }) => {
        const framed = chunks.map(({ data, extension, upper, zeros }) => {
          const size = data.length.toString(16);
          return `${'0'.repeat(zeros)}${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
        });
        const text = `${framed.join('')}0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
        const bytes = Buffer.from(text + rest, 'latin1');
        const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
          (a, b) => a - b,
        );
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(scanAll(pieces)).toEqual({
          verdict: 'done',
          data: chunks.map((each) => each.data).join(''),
          rest,
          trailers: trailers.flat(),
        });
      }),
      { numRuns: 500 },
    );
  });

  it('reads one body after another', () => {
    const scanner = new ChunkScanner();
    expect(scanAll([Buffer.from('1\r\na\r\n0\r\nX: y\r\n\r\n')], scanner).trailers).toEqual(['X', 'y']);
    scanner.reset();
    expect(scanAll([Buffer.from('1\r\nb\r\n0\r\n\r\n')], scanner)).toMatchObject({
      verdict: 'done',
      data: 'b',
      trailers: [],
    });
  });

  const malformed: Record<string, string> = {
    'no digit': '\r\n',
    'a sign': '+5\r\nhello\r\n',
    'a prefix': '0x5\r\nhello\r\n',
    'a space before the size': ' 5\r\nhello\r\n',
    'a space after the size': '5 \r\nhello\r\n',
    'a bare LF after the size': '5\nhello\r\n',
    'a bare LF in an extension': '5;a\nhello\r\n',
    'a bare CR in an extension': '5;a\rb\r\nhello\r\n',
    'an extension without a name': '5;\r\nhello\r\n',
    'a quoted name': '5;"a"\r\nhello\r\n',
    'an empty value': '5;a=\r\nhello\r\n',
    'an open quote': '5;a="b\r\nhello\r\n',
    'something after a quote': '5;a="b"c\r\nhello\r\n',
    'white space in an extension': '5; a=b\r\nhello\r\n',
    'a zero byte in an extension': '5;\0\r\nhello\r\n',
    'a size shorter than the data': '3\r\nhello\r\n',
    'a bare LF after the data': '5\r\nhello\n0\r\n\r\n',
    'no CRLF after the data': '5\r\nhello0\r\n\r\n',
    'a size that cannot be counted': '10000000000000\r\n',
    'a negative size': '-1\r\n',
    'Content-Length in the trailers': '0\r\nContent-Length: 5\r\n\r\n',
    'Transfer-Encoding in the trailers': '0\r\ntransfer-encoding: chunked\r\n\r\n',
    'a folded trailer': '0\r\nX: a\r\n b\r\n\r\n',
    'a bare LF in the trailers': '0\r\nX: a\n\r\n',
    'a space before the colon of a trailer': '0\r\nX : a\r\n\r\n',
    'a bare LF at the end': '0\r\n\n',
  };
  for (const [what, text] of Object.entries(malformed)) {
    it(`is malformed: ${what}`, () => {
      const bytes = Buffer.from(`${text}\r\n\r\n`, 'latin1');
      expect(scanAll([bytes]).verdict).toBe('malformed');
      expect(scanAll(Array.from(bytes, (byte) => Buffer.from([byte]))).verdict).toBe('malformed');
    });
  }

  it('leaves out trailers that would route or end at this hop', () => {
    const text = '0\r\nX: y\r\nKeep-Alive: 1\r\nHost: b\r\nDate: z\r\n\r\n';
    expect(scanText(text)).toMatchObject({ verdict: 'done', trailers: ['X', 'y', 'Date', 'z'] });
  });

  it('allows extensions up to the limit over the whole body', () => {
    const half = 'x'.repeat(defaultChunkLimits.extensionBytesMax / 2);
    const twice = (extra: string): string => `1;${half}\r\na\r\n1;${half}${extra}\r\nb\r\n0\r\n\r\n`;
    expect(scanText(twice('')).verdict).toBe('done');
    expect(scanText(twice('y')).verdict).toBe('malformed');
  });

  it('allows trailers up to their limits', () => {
    const trailer = (bytes: number): string => `0\r\nX: ${'y'.repeat(bytes - 'X: \r\n\r\n'.length)}\r\n\r\n`;
    expect(scanText(trailer(defaultChunkLimits.trailerBytesMax)).verdict).toBe('done');
    expect(scanText(trailer(defaultChunkLimits.trailerBytesMax + 1)).verdict).toBe('malformed');
    const lines = (count: number): string => `0\r\n${'X: y\r\n'.repeat(count)}\r\n`;
    expect(scanText(lines(defaultChunkLimits.trailerFieldsMax)).verdict).toBe('done');
    expect(scanText(lines(defaultChunkLimits.trailerFieldsMax + 1)).verdict).toBe('malformed');
  });

  it('does not hold endless trailers that come in drops', () => {
    const scanner = new ChunkScanner();
    scanAll([Buffer.from('0\r\nX: ')], scanner);
    const drops = Array.from({ length: defaultChunkLimits.trailerBytesMax + 8 }, () => Buffer.from('y'));
    expect(scanAll(drops, scanner).verdict).toBe('malformed');
  });
});
