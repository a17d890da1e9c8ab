// A reply as HTTP/1.1 bytes, for where there is no parser's response object: before a head was understood, on an
// upgrade, on a connection that is refused. Such a connection always ends.
import { STATUS_CODES } from 'node:http';
import type { Reply } from '../pipeline/exchange.ts';

export function formatRawReply(reply: Reply): string {
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`];
  for (let index = 0; index + 1 < reply.headers.length; index += 2) {
    lines.push(`${reply.headers[index] ?? ''}: ${reply.headers[index + 1] ?? ''}`);
  }
  lines.push(
    `Date: ${new Date().toUTCString()}`,
    `Content-Length: ${Buffer.byteLength(reply.body)}`,
    'Connection: close',
    '',
    reply.body,
  );
  return lines.join('\r\n');
}
