// The request smuggling corpus of spec 90: messages that two readers could frame in two ways.
import { headOf } from './test-client.ts';
import { testHost } from './test-plane.ts';

export const host = `Host: ${testHost}`;
/** What an attacker would have an app, or the next client, see. */
export const hidden = headOf('GET /smuggled HTTP/1.1', host);

/** Refused with 400, nothing reaches an app. */
export const refusedRequests: Readonly<Record<string, string>> = {
  'CL.TE':
    headOf('POST / HTTP/1.1', host, 'Content-Length: 6', 'Transfer-Encoding: chunked') + `0\r\n\r\n${hidden}`,
  'TE.CL':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked', 'Content-Length: 4') +
    `5c\r\n${hidden}\r\n0\r\n\r\n`,
  'TE.TE, the second obscured':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked', 'Transfer-Encoding: x') + '0\r\n\r\n',
  'TE.TE, twice chunked':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked, chunked') + '0\r\n\r\n',
  'an unknown coding': headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: xchunked') + '0\r\n\r\n',
  'a coding before chunked':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: gzip, chunked') + '0\r\n\r\n',
  'chunked that is not last':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked, identity') + '0\r\n\r\n',
  'a vertical tab before chunked':
    headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: \x0bchunked') + '0\r\n\r\n',
  'chunked in HTTP/1.0': headOf('POST / HTTP/1.0', host, 'Transfer-Encoding: chunked') + `0\r\n\r\n${hidden}`,
  'two lengths that differ':
    headOf('POST / HTTP/1.1', host, 'Content-Length: 0', 'Content-Length: 5') + hidden,
  'two lengths that agree':
    headOf('POST / HTTP/1.1', host, 'Content-Length: 5', 'Content-Length: 5') + 'hello',
  'a list of lengths': headOf('POST / HTTP/1.1', host, 'Content-Length: 5, 5') + 'hello',
  'a signed length': headOf('POST / HTTP/1.1', host, 'Content-Length: +5') + 'hello',
  'a negative length': headOf('POST / HTTP/1.1', host, 'Content-Length: -5') + 'hello',
  'a hexadecimal length': headOf('POST / HTTP/1.1', host, 'Content-Length: 0x5') + 'hello',
  'an empty length': headOf('POST / HTTP/1.1', host, 'Content-Length: ') + hidden,
  'a length beyond any number': headOf('POST / HTTP/1.1', host, 'Content-Length: 99999999999999999999') + 'x',
  'a space before the colon': headOf('POST / HTTP/1.1', host, 'Content-Length : 5') + 'hello',
  'a tab before the colon': headOf('POST / HTTP/1.1', host, 'Transfer-Encoding\t: chunked') + '0\r\n\r\n',
  'a folded line': headOf('POST / HTTP/1.1', host, 'X-Folded: one', ' two'),
  'a folded coding': headOf('POST / HTTP/1.1', host, 'Transfer-Encoding:', ' chunked') + '0\r\n\r\n',
  'a space before the first field': headOf('GET / HTTP/1.1', ` ${host}`),
  'a bare LF after the request line': `GET / HTTP/1.1\n${host}\r\n\r\n`,
  'a bare LF after a field': `GET / HTTP/1.1\r\n${host}\nX-Other: 1\r\n\r\n`,
  'a bare LF as the empty line': `GET / HTTP/1.1\r\n${host}\r\n\n`,
  'a bare CR in a value': headOf('GET / HTTP/1.1', host, 'X-Value: one\rX-Smuggled: two'),
  'a bare CR as a line end': `GET / HTTP/1.1\r${host}\r\r`,
  'a NUL in a value': headOf('GET / HTTP/1.1', host, 'X-Value: a\0b'),
  'a NUL in a name': headOf('GET / HTTP/1.1', host, 'X\0Y: a'),
  'a NUL in the target': headOf('GET /\0 HTTP/1.1', host),
  'an empty field name': headOf('GET / HTTP/1.1', host, ': x'),
  'a line without a colon': headOf('GET / HTTP/1.1', host, 'X-Nothing'),
  'two Hosts': headOf('GET / HTTP/1.1', host, 'Host: other.example.com'),
  'no Host': headOf('GET / HTTP/1.1', 'X-Value: 1'),
  'a Host with a path': headOf('GET / HTTP/1.1', 'Host: app.example.com/x'),
  'a Host with a user': headOf('GET / HTTP/1.1', `Host: user@${testHost}`),
  'a tab in the request line': headOf('GET\t/ HTTP/1.1', host),
  'no target': headOf('GET HTTP/1.1', host),
  'another version': headOf('GET / HTTP/1.2', host),
  'a version that is none': headOf('GET / HTTP/x', host),
  'HTTP/0.9': 'GET /\r\n\r\n',
  'a bad percent-encoding': headOf('GET /%g1 HTTP/1.1', host),
  'a fragment in the target': headOf('GET /#x HTTP/1.1', host),
  'authority form': headOf(`CONNECT ${testHost}:443 HTTP/1.1`, host),
  'absolute form of another scheme': headOf('GET ftp://app.example.com/ HTTP/1.1', host),
};

/** The head is fine, the body's framing is not: 400 and the end, however much of it an app has seen. */
export const brokenBodies: Readonly<Record<string, string>> = {
  'a chunk size that is no number': 'xyz\r\n',
  'a signed chunk size': '+5\r\nhello\r\n0\r\n\r\n',
  'a 0x chunk size': '0x5\r\nhello\r\n0\r\n\r\n',
  'an empty chunk size': '\r\nhello\r\n0\r\n\r\n',
  'a chunk size beyond any number': 'fffffffffffffffff\r\n',
  'a chunk longer than it says': '3\r\nhello\r\n0\r\n\r\n',
  'a chunk ended by a bare LF': '5\r\nhello\n0\r\n\r\n',
  'a bare LF after a chunk size': '5\nhello\r\n0\r\n\r\n',
  'a bare CR after a chunk size': '5\rhello\r\n0\r\n\r\n',
  'a bare LF in a chunk extension': '5;a\nhello\r\n0\r\n\r\n',
};
