import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestHead, type RequestHeadOutcome } from './request-head.ts';

const limits = { headBytesMax: 64 * 1024, lineBytesMax: 16 * 1024, fieldsMax: 100 };

function recognise(text: string): { outcome: RequestHeadOutcome; head: RequestHead; bytes: Buffer } {
  const head = new RequestHead(limits);
  const bytes = Buffer.from(text, 'latin1');
  return { outcome: head.recognise(bytes, 0, bytes.length), head, bytes };
}

const outcomeOf = (text: string): RequestHeadOutcome => recognise(text).outcome;
const withFields = (...lines: string[]): string =>
  `POST /a HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const token = fc.string({ unit: fc.constantFrom(...tokenChars.split('')), minLength: 1, maxLength: 12 });
const framingNames = new Set(
  'host connection content-length transfer-encoding expect upgrade te trailer keep-alive proxy-connection http2-settings'.split(
    ' ',
  ),
);
const fieldName = token.filter((name) => !framingNames.has(name.toLowerCase()));
const visible = fc
  .integer({ min: 0x21, max: 0xff })
  .filter((code) => code !== 0x7f)
  .map((code) => String.fromCharCode(code));
const valueChar = fc.oneof(
  { weight: 9, arbitrary: visible },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\t') },
);
const fieldValue = fc
  .string({ unit: valueChar, maxLength: 30 })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
const targetChar = fc
  .integer({ min: 0x21, max: 0x7e })
  .map((code) => String.fromCharCode(code))
  .filter((char) => !'"#<>\\'.includes(char));
const target = fc.string({ unit: targetChar, maxLength: 40 }).map((rest) => `/${rest}`);
const method = token.filter((name) => name !== 'CONNECT');
const framing = fc.oneof(
  fc.constant<string[]>([]),
  fc.nat(1e9).map((length) => [`Content-Length: ${length}`]),
  fc.constantFrom(['Transfer-Encoding: chunked'], ['transfer-encoding: Chunked']),
);
const message = fc.record({
  method,
  target,
  framing,
  fields: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 20 }),
});

describe('the request recogniser', () => {
  it('recognises every message of the canonical grammar and finds its parts', () => {
    fc.assert(
      fc.property(message, ({ method, target, framing, fields }) => {
        const lines = ['Host: h', ...fields.map(([name, value]) => `${name}: ${value}`), ...framing];
        const text = `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
        const { outcome, head, bytes } = recognise(`${text}rest of the stream`);
        expect(outcome).toBe('recognised');
        expect(head.headEnd).toBe(text.length);
        expect(bytes.toString('latin1', 0, head.methodEnd)).toBe(method);
        expect(bytes.toString('latin1', head.targetStart, head.targetEnd)).toBe(target);
        expect(bytes.toString('latin1', head.hostStart, head.hostEnd)).toBe('h');
        const expected = lines.flatMap((line) => [
          line.slice(0, line.indexOf(':')),
          line.slice(line.indexOf(':') + 2),
        ]);
        expect(head.fields.toRawHeaders(bytes)).toEqual(expected);
        expect(head.hasBody).toBe(framing.length > 0 && framing[0] !== 'Content-Length: 0');
      }),
      { numRuns: 500 },
    );
  });

  it('asks for more at every prefix of a recognised head, and never decides differently', () => {
    fc.assert(
      fc.property(message, ({ method, target, fields }) => {
        const text = `${method} ${target} HTTP/1.1\r\nHost: h\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
        const bytes = Buffer.from(text, 'latin1');
        const head = new RequestHead(limits);
        for (let end = 0; end < bytes.length; end += 1)
          expect(head.recognise(bytes, 0, end)).toBe('incomplete');
      }),
      { numRuns: 60 },
    );
  });

  it('reads a head in the middle of a buffer', () => {
    const head = new RequestHead(limits);
    const bytes = Buffer.from('xxGET /second HTTP/1.1\r\nHost: b\r\n\r\nyy');
    expect(head.recognise(bytes, 2, bytes.length)).toBe('recognised');
    expect(bytes.toString('latin1', head.targetStart, head.targetEnd)).toBe('/second');
    expect(head.fields.find(bytes, 'host')).toBe('b');
  });

  it('joins repeated fields and finds names in any case', () => {
    const { head, bytes } = recognise(withFields('X-A: 1', 'x-a: 2', 'Y: 3'));
    expect(head.fields.find(bytes, 'x-a')).toBe('1, 2');
    expect(head.fields.find(bytes, 'z')).toBeUndefined();
  });
});

describe('ambiguous framing is refused', () => {
  const refused: Record<string, string> = {
    'Content-Length beside Transfer-Encoding': withFields('Content-Length: 5', 'Transfer-Encoding: chunked'),
    'Transfer-Encoding beside Content-Length': withFields('Transfer-Encoding: chunked', 'Content-Length: 5'),
    'two Content-Lengths': withFields('Content-Length: 5', 'Content-Length: 6'),
    'two equal Content-Lengths': withFields('Content-Length: 5', 'Content-Length: 5'),
    'a list in Content-Length': withFields('Content-Length: 5, 5'),
    'a sign in Content-Length': withFields('Content-Length: +5'),
    'a negative Content-Length': withFields('Content-Length: -1'),
    'a hexadecimal Content-Length': withFields('Content-Length: 0x5'),
    'an empty Content-Length': withFields('Content-Length:'),
    'a Content-Length too long to count': withFields(`Content-Length: ${'9'.repeat(16)}`),
    'two Transfer-Encodings': withFields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    'another coding': withFields('Transfer-Encoding: gzip'),
    'a list of codings': withFields('Transfer-Encoding: gzip, chunked'),
    'chunked twice': withFields('Transfer-Encoding: chunked, chunked'),
    identity: withFields('Transfer-Encoding: identity'),
    'a coding that looks like chunked': withFields('Transfer-Encoding: xchunked'),
    'a vertical tab before chunked': withFields('Transfer-Encoding: \u000bchunked'),
    'a space before the colon': withFields('Content-Length : 5'),
    'a tab before the colon': withFields('Transfer-Encoding\t: chunked'),
    'a folded line': withFields('X: a', ' b: c'),
    'a first line that begins with a space': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
    'a bare LF after a field': 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n',
    'a bare LF after the request line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'a bare CR in a value': withFields('X: a\rContent-Length: 5'),
    'a bare CR after the request line': 'GET / HTTP/1.1\rHost: a\r\n\r\n',
    'an empty line that is LF only': 'GET / HTTP/1.1\r\nHost: a\r\n\n',
    'a zero byte in a value': withFields('X: a\0b'),
    'a zero byte in a name': withFields('X\0: a'),
    'a line without a colon': withFields('nonsense'),
    'an empty name': withFields(': a'),
    'a parenthesis in a name': withFields('(X): a'),
    'a byte above ASCII in a name': withFields('X\u00e9: a'),
    'a method that is no token': '(GET) / HTTP/1.1\r\n\r\n',
    'a request line that ends after the method': 'GET\r\n\r\n',
    'HTTP/0.9': 'GET /\r\n',
  };
  for (const [what, text] of Object.entries(refused)) {
    it(`${what} is refused`, () => expect(outcomeOf(text)).toBe('refused'));
  }
});

describe('valid oddities go to the other parser', () => {
  const odd: Record<string, string> = {
    'HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'absolute form': 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'asterisk form': 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    CONNECT: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    'CONNECT with a path': 'CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n',
    'a leading empty line': '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'two spaces in the request line': 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a fragment in the target': 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n',
    'a byte above ASCII in the target': 'GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n',
    Expect: withFields('Expect: 100-continue', 'Content-Length: 5'),
    Upgrade: withFields('Connection: upgrade', 'Upgrade: websocket'),
    'an option that nominates a field': withFields('Connection: close, X-Secret', 'X-Secret: 1'),
    'no space after the colon': withFields('X:y'),
    'two spaces after the colon': withFields('X:  y'),
    'a space after the value': withFields('X: y '),
    'a tab after the colon': withFields('X:\ty'),
  };
  for (const [what, text] of Object.entries(odd)) {
    it(`${what} is not canonical`, () => expect(outcomeOf(text)).toBe('notCanonical'));
  }
});

describe('limits of the head', () => {
  const requestLine = (bytes: number): string =>
    `GET /${'a'.repeat(bytes - 'GET / HTTP/1.1\r\n'.length)} HTTP/1.1\r\n`;

  it('a request line at the limit passes, one past it does not', () => {
    expect(outcomeOf(`${requestLine(16 * 1024)}Host: a\r\n\r\n`)).toBe('recognised');
    expect(outcomeOf(`${requestLine(16 * 1024 + 1)}Host: a\r\n\r\n`)).toBe('tooLarge');
    expect(outcomeOf(requestLine(16 * 1024 + 10).slice(0, 16 * 1024 + 1))).toBe('tooLarge');
  });

  it('a field line at the limit passes, one past it does not', () => {
    const line = (bytes: number): string => `X: ${'a'.repeat(bytes - 5)}`;
    expect(outcomeOf(withFields(line(16 * 1024)))).toBe('recognised');
    expect(outcomeOf(withFields(line(16 * 1024 + 1)))).toBe('tooLarge');
    expect(outcomeOf(withFields(line(16 * 1024 + 30)).slice(0, -4))).toBe('tooLarge');
  });

  it('100 fields pass, 101 do not', () => {
    const lines = Array.from({ length: 99 }, (_, index) => `X-${index}: y`);
    expect(outcomeOf(withFields(...lines))).toBe('recognised');
    expect(outcomeOf(withFields(...lines, 'One: more'))).toBe('tooLarge');
  });

  it('a head of 64 KiB passes, one octet more does not, finished or not', () => {
    const line = `X: ${'a'.repeat(8 * 1024 - 5)}`;
    const full = withFields(...Array.from({ length: 7 }, () => line));
    const last = (bytes: number): string =>
      withFields(...Array.from({ length: 7 }, () => line), `Y: ${'a'.repeat(bytes - full.length - 5)}`);
    expect(last(64 * 1024)).toHaveLength(64 * 1024);
    expect(outcomeOf(last(64 * 1024))).toBe('recognised');
    expect(outcomeOf(last(64 * 1024 + 1))).toBe('tooLarge');
    expect(outcomeOf(`${last(64 * 1024 + 8).slice(0, -2)}Z: `)).toBe('tooLarge');
  });
});

describe('the path', () => {
  it('ends at the query, and is plain without escapes and dot segments', () => {
    const pathOf = (target: string): [string, boolean] => {
      const { head, bytes } = recognise(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return [bytes.toString('latin1', head.targetStart, head.pathEnd), head.pathIsPlain];
    };
    expect(pathOf('/')).toEqual(['/', true]);
    expect(pathOf('/a/b.js?c=%2e/../d?e')).toEqual(['/a/b.js', true]);
    expect(pathOf('/a..b/c.?')).toEqual(['/a..b/c.', true]);
    for (const path of ['/.', '/..', '/a/../b', '/.well-known/x', '/a%20b', '/%2e%2e/', '/a/%2F']) {
      expect(pathOf(path)).toEqual([path, false]);
      expect(pathOf(`${path}?q=/`)).toEqual([path, false]);
    }
  });
});

describe('connection options', () => {
  it('close is told, keep-alive and te change nothing', () => {
    expect(recognise(withFields('Connection: close')).head.close).toBe(true);
    const kept = recognise(withFields('Connection: keep-alive, TE', 'TE: trailers'));
    expect(kept.outcome).toBe('recognised');
    expect(kept.head.close).toBe(false);
  });
});
