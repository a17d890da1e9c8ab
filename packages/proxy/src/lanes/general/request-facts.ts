// What a parsed `IncomingMessage` says, in the lane's terms: target, authority, framing, size of its head. Refuses
// what llhttp lets pass although two readers may differ over it.
import type { IncomingMessage } from 'node:http';
import type { Exchange, HeadSize, Protocol } from '../../pipeline/exchange.ts';
import type { UpstreamBody } from '../../upstream/upstream.types.ts';

export interface RequestFacts {
  readonly protocol: Protocol;
  readonly target: string;
  readonly authority: string | null;
  /** The authority came with an absolute-form target: it replaces Host (RFC 9112 §3.2.2). */
  readonly isAbsolute: boolean;
  readonly hostFields: number;
  readonly body: UpstreamBody;
  readonly size: HeadSize;
  /** Set: 400 (or 417), and the connection ends. */
  readonly refusal: Exchange['refusal'];
}

interface Counts {
  hosts: number;
  lengths: number;
  codings: number;
}

const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is;

export function readRequestFacts(message: IncomingMessage): RequestFacts {
  const raw = message.rawHeaders;
  const counts: Counts = { hosts: 0, lengths: 0, codings: 0 };
  const url = message.url ?? '';
  let longest = (message.method ?? '').length + url.length + ' HTTP/1.1 '.length;
  let total = longest + 2;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const bytes = name.length + (raw[index + 1] ?? '').length + 2;
    longest = Math.max(longest, bytes);
    total += bytes + 2;
    countFraming(name, counts);
  }
  const protocol: Protocol = message.httpVersionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  const absolute = absoluteForm.exec(url);
  return {
    protocol,
    target: absolute === null ? url : originForm(absolute[2] ?? ''),
    authority: absolute === null ? (message.headers.host ?? null) : (absolute[1] ?? ''),
    isAbsolute: absolute !== null,
    hostFields: counts.hosts,
    body: bodyOf(message),
    size: { fields: raw.length / 2, longestLineBytes: longest, totalBytes: total + 2 },
    refusal: refusalOf(message, protocol, counts),
  };
}

function countFraming(name: string, counts: Counts): void {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() === 'host') counts.hosts += 1;
      return;
    case 14:
      if (name.toLowerCase() === 'content-length') counts.lengths += 1;
      return;
    case 17:
      if (name.toLowerCase() === 'transfer-encoding') counts.codings += 1;
      return;
    default:
  }
}

const originForm = (rest: string): string => (rest.startsWith('/') ? rest : `/${rest}`);

function bodyOf(message: IncomingMessage): UpstreamBody {
  if (message.headers['transfer-encoding'] !== undefined) return { kind: 'chunked' };
  const length = message.headers['content-length'];
  return length === undefined ? { kind: 'none' } : { kind: 'sized', bytes: Number(length) };
}

function refusalOf(message: IncomingMessage, protocol: Protocol, counts: Counts): Exchange['refusal'] {
  const reason = framingFault(message, protocol, counts);
  if (reason !== null) return { kind: 'malformed', reason };
  // RFC 9110 §10.1.1: HTTP/1.0 clients' expectations are ignored.
  const expect = message.headers.expect;
  if (expect === undefined || protocol === 'HTTP/1.0' || expect.toLowerCase() === '100-continue') return null;
  return { kind: 'expectationFailed', reason: 'an expectation other than 100-continue' };
}

/** RFC 9112 §6: one length, or one `chunked`, never both, no other coding, none in HTTP/1.0. */
function framingFault(message: IncomingMessage, protocol: Protocol, counts: Counts): string | null {
  if (message.httpVersionMajor !== 1 || message.httpVersionMinor > 1) return 'not HTTP/1.0 or HTTP/1.1';
  if (counts.lengths > 1) return 'more than one Content-Length';
  if (counts.codings > 1) return 'more than one Transfer-Encoding';
  if (counts.codings > 0 && counts.lengths > 0) return 'Content-Length beside Transfer-Encoding';
  if (counts.codings > 0 && protocol === 'HTTP/1.0') return 'Transfer-Encoding in HTTP/1.0';
  const coding = message.headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return 'a transfer coding other than chunked';
  const length = message.headers['content-length'];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'not a Content-Length';
  return null;
}
