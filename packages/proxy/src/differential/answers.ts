// What an app may answer: well-formed responses of every framing, nearly well-formed ones, and hostile ones.
import * as fc from 'fast-check';

const statusLine = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 201 Created',
      'HTTP/1.1 404 Not Found',
      'HTTP/1.1 500 x',
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 304 Not Modified',
      'HTTP/1.1 205 Reset Content',
      'HTTP/1.0 200 OK',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200',
      'HTTP/1.1 200 ',
      'HTTP/1.1 299 Gr\u00fc\u00dfe',
      'HTTP/1.1 200 a\tb',
      'HTTP/1.1 599 y',
      'HTTP/1.1 999 z',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 101 Switching Protocols',
      'HTTP/1.1 099 low',
      'HTTP/1.1 20 OK',
      'HTTP/1.1  200 OK',
      'HTTP/2 200',
      'ICY 200 OK',
      'HTTP/1.1 200 a\0b',
      'http/1.1 200 OK',
    ),
  },
);
const interim = fc.constantFrom(
  '',
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Hint: 1\r\nContent-Length: 3\r\n\r\n',
);
const field = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'Content-Type: text/plain',
      'Set-Cookie: a=b',
      'Set-Cookie: c=d',
      'X-Empty:',
      'X-Odd:\ttab ',
      'X-High: \u00fc\u00ff',
      'ETag: "x"',
      'Cache-Control: max-age=1',
      'X_Under: 1',
      'Date: Mon, 01 Jan 2024 00:00:00 GMT',
      'Via: 1.0 inner',
      'Server: x',
      'Trailer: X-Sum',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'Connection: close',
      'Connection: keep-alive',
      'Connection: X-Named',
      'X-Named: secret',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Upgrade: h2c',
      'TE: trailers',
      'X-Request-ID: mine',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'X-Bad : 1',
      ': empty',
      'NoColon',
      'X-Nul: a\0b',
      'X-Cr: a\rb',
      'X-Lf: a\nX-Smuggled: b',
      'X-Fold: a\r\n b',
      'X Space: 1',
    ),
  },
);
const text = 'hello, world';
const framing = fc.oneof(
  { weight: 4, arbitrary: fc.constant([`Content-Length: ${text.length}`, text]) },
  { weight: 1, arbitrary: fc.constant(['Content-Length: 0', '']) },
  { weight: 2, arbitrary: fc.constant(['', text]) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
      ['Transfer-Encoding: chunked', '5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\nConnection: x\r\n\r\n'],
      ['Transfer-Encoding: Chunked', '0\r\n\r\n'],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ['Content-Length: 20', text],
      [`Content-Length: ${text.length}`, `${text}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
      ['Content-Length: 0', text],
      ['Transfer-Encoding: chunked', '5\r\nhello\r\nzz\r\n'],
      ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
      ['Transfer-Encoding: chunked', '5\nhello\n0\n\n'],
      ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nContent-Length: 4\r\n\r\n'],
      ['Transfer-Encoding: chunked', `0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ['Content-Length: 5\r\nTransfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
      ['Content-Length: 5\r\nContent-Length: 6', text],
      ['Content-Length: 5\r\nContent-Length: 5', 'hello'],
      ['Content-Length: 5, 5', 'hello'],
      ['Content-Length: +5', 'hello'],
      ['Content-Length: 0x5', 'hello'],
      ['Transfer-Encoding: gzip, chunked', '0\r\n\r\n'],
      ['Transfer-Encoding: identity', text],
      ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
      ['Transfer-Encoding : chunked', '0\r\n\r\n'],
      ['Transfer-Encoding:\x0bchunked', '0\r\n\r\n'],
    ),
  },
);

/** One answer as bytes. */
export const answer = fc
  .tuple(fc.array(interim, { maxLength: 2 }), statusLine, fc.array(field, { maxLength: 4 }), framing)
  .map(([interims, line, fields, [frame = '', body = '']]) => {
    const lines = [line, ...fields, ...(frame === '' ? [] : [frame])];
    return Buffer.from(`${interims.join('')}${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  });

export const afterwards = fc.constantFrom('keep' as const, 'keep' as const, 'end' as const, 'reset' as const);
