// What the field section of an HTTP/2 request says, in the lane's terms: method, target, authority, framing, size
// (RFC 9113 §8.3). nghttp2 has checked the section by then; refused here is what two readers may differ over.
import type { IncomingHttpHeaders } from 'node:http2';
import type { Exchange, HeadSize } from '../../pipeline/exchange.ts';
import type { RawHeaders, UpstreamBody } from '../../upstream/index.ts';

export interface RequestFacts {
  readonly method: string;
  readonly target: string;
  readonly authority: string | null;
  readonly body: UpstreamBody;
  readonly upgrade: 'websocket' | null;
  readonly expectsContinue: boolean;
  readonly refusal: Exchange['refusal'];
}

export interface FieldSection {
  /** Joined as Node does, by lower-case name. */
  readonly fields: IncomingHttpHeaders;
  /** Everything as received, pseudo-header fields first. */
  readonly raw: RawHeaders;
  /** The section ended the stream: there is no body. */
  readonly endsStream: boolean;
}

const noBody: UpstreamBody = Object.freeze({ kind: 'none' });
const emptyBody: UpstreamBody = Object.freeze({ kind: 'sized', bytes: 0 });
const unsizedBody: UpstreamBody = Object.freeze({ kind: 'chunked' });

export function readRequestFacts(section: FieldSection): RequestFacts {
  const { fields } = section;
  const method = fields[':method'] ?? '';
  const upgrade = method === 'CONNECT' && fields[':protocol'] === 'websocket' ? 'websocket' : null;
  return {
    // RFC 8441 §5: what CONNECT is here, GET is there.
    method: upgrade === null ? method : 'GET',
    target: fields[':path'] ?? '',
    authority: fields[':authority'] ?? fields.host ?? null,
    body: upgrade === null ? bodyOf(section, method) : noBody,
    upgrade,
    expectsContinue: fields.expect?.toLowerCase() === '100-continue',
    refusal: refusalOf(section, method, upgrade),
  };
}

/** As HTTP/1.1 would have counted it; pseudo-header fields stand for the request line and Host. */
export function headSizeOf(raw: RawHeaders): HeadSize {
  let longestLineBytes = 0;
  let totalBytes = 2;
  let fields = 0;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const bytes = name.length + (raw[index + 1] ?? '').length + 2;
    if (bytes > longestLineBytes) longestLineBytes = bytes;
    totalBytes += bytes + 2;
    if (!name.startsWith(':') || name === ':authority') fields += 1;
  }
  return { fields, longestLineBytes, totalBytes };
}

function bodyOf({ fields, endsStream }: FieldSection, method: string): UpstreamBody {
  const length = fields['content-length'];
  if (length !== undefined) return { kind: 'sized', bytes: Number(length) };
  if (!endsStream) return unsizedBody;
  // RFC 9110 §8.6: a method that anticipates a body says that there is none.
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? emptyBody : noBody;
}

function refusalOf(
  { fields }: FieldSection,
  method: string,
  upgrade: RequestFacts['upgrade'],
): Exchange['refusal'] {
  if (method === 'CONNECT' && upgrade === null) return { kind: 'malformed', reason: 'CONNECT' };
  const scheme = fields[':scheme'];
  if (scheme !== 'https' && scheme !== 'http') return { kind: 'malformed', reason: 'not a scheme of HTTP' };
  const authority = fields[':authority'];
  const { host } = fields;
  // RFC 9113 §8.3.1: a Host that says something else is malformed.
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return { kind: 'malformed', reason: 'Host beside another :authority' };
  const length = fields['content-length'];
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    return { kind: 'malformed', reason: 'not a Content-Length' };
  const { expect } = fields;
  if (expect === undefined || expect.toLowerCase() === '100-continue') return null;
  return { kind: 'expectationFailed', reason: 'an expectation other than 100-continue' };
}
