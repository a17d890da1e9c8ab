import { describe, expect, it } from 'vitest';
import { ResponseHead } from './response-head.ts';

const limits = { headBytesMax: 64 * 1024, lineBytesMax: 64 * 1024, fieldsMax: 256 };

function recognise(text: string, toHead = false): ResponseHead & { outcome: string } {
  const head = new ResponseHead(limits);
  head.toHead = toHead;
  const bytes = Buffer.from(text, 'latin1');
  return Object.assign(head, { outcome: head.recognise(bytes, 0, bytes.length) });
}

const ok = (...lines: string[]): string =>
  `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

describe('the body of a response (RFC 9112 §6.3)', () => {
  const cases: [string, string, boolean, string, number][] = [
    ['a length', ok('Content-Length: 5'), false, 'sized', 5],
    ['a length of zero', ok('Content-Length: 0'), false, 'none', 0],
    ['chunked', ok('Transfer-Encoding: chunked'), false, 'chunked', -1],
    ['nothing told', ok('X: y'), false, 'untilClose', -1],
    ['the answer to HEAD', ok('Content-Length: 5'), true, 'none', 5],
    ['the chunked answer to HEAD', ok('Transfer-Encoding: chunked'), true, 'none', -1],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', false, 'none', 5],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', false, 'none', 5],
    ['103', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n', false, 'none', -1],
    ['white space around a length', ok('Content-Length:\t5 '), false, 'sized', 5],
    ['no reason phrase', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n', false, 'sized', 5],
    ['an empty reason phrase', 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n', false, 'sized', 5],
  ];
  for (const [what, text, toHead, kind, length] of cases) {
    it(`is found for ${what}`, () => {
      const head = recognise(text, toHead);
      expect([head.outcome, head.bodyKind, head.contentLength]).toEqual(['complete', kind, length]);
    });
  }
});

describe('whether the connection goes on', () => {
  it('goes on by default in HTTP/1.1, unless told to close or ended by its close', () => {
    expect(recognise(ok('Content-Length: 1')).keepAlive).toBe(true);
    expect(recognise(ok('Content-Length: 1', 'Connection: Close')).keepAlive).toBe(false);
    expect(recognise(ok('Content-Length: 1', 'Connection: keep-alive, close')).keepAlive).toBe(false);
    expect(recognise(ok('X: y')).keepAlive).toBe(false);
    expect(
      recognise('HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n').keepAlive,
    ).toBe(false);
  });

  it('reads how long the app keeps it', () => {
    expect(recognise(ok('Content-Length: 1', 'Keep-Alive: timeout=5')).keepAliveSeconds).toBe(5);
    expect(recognise(ok('Content-Length: 1', 'keep-alive: max=100, Timeout=12')).keepAliveSeconds).toBe(12);
    expect(recognise(ok('Content-Length: 1', 'Keep-Alive: nonsense')).keepAliveSeconds).toBe(-1);
  });

  it('tells that Connection nominates fields', () => {
    expect(recognise(ok('Connection: keep-alive, X-Hop')).hasNominatedFields).toBe(true);
    expect(recognise(ok('Connection: keep-alive')).hasNominatedFields).toBe(false);
  });
});

describe('a hostile or broken app', () => {
  const malformed: Record<string, string> = {
    'Content-Length beside Transfer-Encoding': ok('Content-Length: 5', 'Transfer-Encoding: chunked'),
    'two Content-Lengths': ok('Content-Length: 5', 'Content-Length: 6'),
    'two equal Content-Lengths': ok('Content-Length: 5', 'Content-Length: 5'),
    'a list in Content-Length': ok('Content-Length: 5, 6'),
    'a sign in Content-Length': ok('Content-Length: +5'),
    'another coding': ok('Transfer-Encoding: gzip, chunked'),
    'chunked from HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a folded line': ok('X: y', ' z: a'),
    'a space before the colon': ok('Content-Length : 5'),
    'bare LF': 'HTTP/1.1 200 OK\nContent-Length: 5\n\n',
    'a bare CR in a value': ok('X: a\rSet-Cookie: b'),
    'a zero byte': ok('X: a\0'),
    'another protocol': 'ICY 200 OK\r\n\r\n',
    'HTTP/2': 'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.2': 'HTTP/1.2 200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
    'two spaces before the status': 'HTTP/1.1  200 OK\r\n\r\n',
    'too many fields': ok(...Array.from({ length: 257 }, () => 'X: y')),
    'too large a head': ok(...Array.from({ length: 65 }, () => `X: ${'y'.repeat(1021)}`)),
  };
  for (const [what, text] of Object.entries(malformed)) {
    it(`is malformed: ${what}`, () => {
      const head = recognise(text);
      expect(head.outcome).toBe('malformed');
      expect(head.reason).not.toBe('');
    });
  }

  it('may send 256 fields', () => {
    expect(recognise(ok(...Array.from({ length: 256 }, () => 'X: y'))).outcome).toBe('complete');
  });
});
