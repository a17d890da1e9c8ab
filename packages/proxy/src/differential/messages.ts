// Inputs for both lanes: messages of a generous grammar, valid and nearly valid, alone and pipelined, divided anywhere.
import * as fc from 'fast-check';
import { testHost } from '../conformance/test-plane.ts';

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".split('');
const token = fc.string({ unit: fc.constantFrom(...tokenChars), minLength: 1, maxLength: 8 });
const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS') },
  { weight: 1, arbitrary: fc.constantFrom('PROPFIND', 'REPORT', 'MKCOL') },
);
const target = fc.oneof(
  fc.constantFrom(
    '/',
    '/a/b',
    '/a?b=c&d=%20',
    '/%41',
    '/a/./b',
    '/a/../b',
    '/%2e%2e/x',
    '/a%2Fb',
    '/a//b',
    '/~x/;y=z',
  ),
  fc.constantFrom(
    '/a|b',
    '/{x}',
    '/[x]',
    '/a"b',
    '/%zz',
    '*',
    `http://${testHost}/abs?x`,
    '//double',
    '/x#y',
    '/\\x',
  ),
  fc.webPath(),
);
const value = fc.oneof(
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 20,
  }),
  fc.constantFrom('', 'a, b', 'text/plain; charset=utf-8', '"quoted"'),
);
const spacing = fc.oneof(
  { weight: 8, arbitrary: fc.constant(': ') },
  { weight: 1, arbitrary: fc.constantFrom(':', ':  ', ':\t') },
);
const notFraming =
  /^(?:content-length|transfer-encoding|connection|upgrade|expect|host|te|trailer|keep-alive|proxy-connection|http2-settings|x-request-id)$/i;
const field = fc
  .tuple(
    fc.oneof(
      token.filter((name) => !notFraming.test(name)),
      fc.constantFrom(
        'Cookie',
        'X-Forwarded-For',
        'x_forwarded_for',
        'Forwarded',
        'Via',
        'Accept',
        'X-Real-IP',
        'Proxy',
        'X-A',
        'x-a',
      ),
    ),
    spacing,
    value.map((text) => text.trim()),
    fc.oneof({ weight: 9, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constant(' ') }),
  )
  .map(([name, separator, text, after]) => `${name}${separator}${text}${after}\r\n`);

const chunk = fc
  .tuple(
    fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }),
    fc.constantFrom('', ';a=b', ';a="x y"', ';a'),
  )
  .map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`);
const body = fc.oneof(
  fc.constant({ framing: '', body: '' }),
  fc
    .string({ unit: 'binary-ascii', maxLength: 40 })
    .map((data) => ({ framing: `Content-Length: ${data.length}\r\n`, body: data })),
  fc
    .tuple(
      fc.array(chunk, { maxLength: 4 }),
      fc.constantFrom('', 'X-Sum: 1\r\n', 'Content-Length: 9\r\nX-T: y\r\n'),
    )
    .map(([chunks, trailers]) => ({
      framing: 'Transfer-Encoding: chunked\r\n',
      body: `${chunks.join('')}0\r\n${trailers}\r\n`,
    })),
);
const host = fc.oneof(
  { weight: 12, arbitrary: fc.constant(`Host: ${testHost}\r\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `host: ${testHost.toUpperCase()}:80\r\n`,
      '',
      'Host: other.example.com\r\n',
      `Host: ${testHost}\r\nHost: x\r\n`,
    ),
  },
);
const request = fc.record({ method, target, host, fields: fc.array(field, { maxLength: 6 }), body });
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

const bytesOf = ({ method, target, host, fields, body }: Request, connection: string): string =>
  `${method} ${target} HTTP/1.1\r\n${host}${fields.join('')}${body.framing}${connection}\r\n${body.body}`;

/** A message that asks for the end of its connection. */
export const message = request.map((each) => Buffer.from(bytesOf(each, 'Connection: close\r\n'), 'latin1'));

const connectionField = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.constant('Connection: keep-alive\r\n') },
  { weight: 1, arbitrary: fc.constant('Connection: close\r\n') },
);

/** What a stream of messages may end in instead of one more message. */
const tail = fc.constantFrom(
  '',
  '\r\n',
  'GET /cut HTTP/1.1\r\nHo',
  'GET /odd HTTP/1.1\r\nHost : x\r\n\r\n',
  `POST /short HTTP/1.1\r\nHost: ${testHost}\r\nContent-Length: 9\r\n\r\nabc`,
  `POST /bad HTTP/1.1\r\nHost: ${testHost}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n`,
  `POST /both HTTP/1.1\r\nHost: ${testHost}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
  `GET /nul HTTP/1.1\r\nHost: ${testHost}\r\nX: a\0b\r\n\r\n`,
  '\0\0\0',
);

/** Several messages on one connection, sent without waiting for answers. */
export const pipeline = fc
  .tuple(fc.array(fc.tuple(request, connectionField), { minLength: 1, maxLength: 4 }), tail)
  .map(([requests, end]) =>
    Buffer.from(requests.map(([each, connection]) => bytesOf(each, connection)).join('') + end, 'latin1'),
  );

export const cuts = fc.array(fc.nat(2_000), { maxLength: 4 });

/** Divides bytes at these places. */
export function divide(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}
