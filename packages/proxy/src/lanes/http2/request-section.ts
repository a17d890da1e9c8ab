// The field section of an HTTP/2 request (RFC 9113 §8.2, §8.3): checked, read in the lane's terms, and written as the head
// that an app of HTTP/1.1 is sent. One section may serve many requests: clients repeat themselves. Knows no stream.
import { fieldLines, fieldValue, type HeaderEdits } from '../../headers/header-edits.ts';
import type { Exchange, HeadSize } from '../../pipeline/exchange.ts';
import type { RawHeaders, UpstreamBody } from '../../upstream/index.ts';
import { anticipatesBody, requestFraming } from '../../upstream/request-head.ts';
import { requestFields } from './field-lists.ts';
import { checkSection, type PseudoFields } from './section-check.ts';

const noBody: UpstreamBody = Object.freeze({ kind: 'none' });
const emptyBody: UpstreamBody = Object.freeze({ kind: 'sized', bytes: 0 });
const unsizedBody: UpstreamBody = Object.freeze({ kind: 'chunked' });
const contentLength = /^\d{1,15}$/;

export class RequestSection {
  /** Everything as received, pseudo-header fields first. */
  readonly fields: RawHeaders;
  readonly method: string;
  readonly target: string;
  readonly authority: string | null;
  readonly upgrade: 'websocket' | null;
  readonly expectsContinue: boolean;
  readonly refusal: Exchange['refusal'];
  /** Octets as `Content-Length` tells; null where it does not. */
  readonly length: number | null;
  #kept = '';
  #keptFor: ReadonlySet<string> | null = null;

  private constructor(fields: RawHeaders, pseudo: PseudoFields) {
    this.fields = fields;
    const { method } = pseudo;
    this.upgrade = method === 'CONNECT' && pseudo.protocol === 'websocket' ? 'websocket' : null;
    // RFC 8441 §5: what CONNECT is here, GET is there.
    this.method = this.upgrade === null ? method : 'GET';
    this.target = pseudo.path ?? '';
    const host = this.header('host');
    this.authority = pseudo.authority ?? host ?? null;
    const length = this.header('content-length');
    this.length = length !== undefined && contentLength.test(length) ? Number(length) : null;
    const expect = this.header('expect')?.toLowerCase();
    this.expectsContinue = expect === '100-continue';
    this.refusal = refusalOf({ pseudo, host, length, expect, isTunnel: this.upgrade !== null });
  }

  /** Null: malformed (RFC 9113 §8.1.1), the stream is reset. */
  static read(fields: RawHeaders): RequestSection | null {
    const pseudo = checkSection(fields);
    return pseudo === null ? null : new RequestSection(fields, pseudo);
  }

  /** By lower-case name; cookie crumbs make one (RFC 9113 §8.2.3). */
  header(name: string): string | undefined {
    return fieldValue(this.fields, name, name === 'cookie' ? '; ' : ', ');
  }

  /** What follows it, as HTTP/1.1 would have counted it. */
  body(endsStream: boolean): UpstreamBody {
    if (this.upgrade !== null) return noBody;
    if (this.length !== null) return { kind: 'sized', bytes: this.length };
    if (!endsStream) return unsizedBody;
    return anticipatesBody(this.method) ? emptyBody : noBody;
  }

  /** As HTTP/1.1 would have counted it; pseudo-header fields stand for the request line and Host. */
  headSize(): HeadSize {
    let longestLineBytes = 0;
    let totalBytes = 2;
    let fields = 0;
    for (let index = 0; index + 1 < this.fields.length; index += 2) {
      const name = this.fields[index] ?? '';
      const bytes = name.length + (this.fields[index + 1] ?? '').length + 2;
      if (bytes > longestLineBytes) longestLineBytes = bytes;
      totalBytes += bytes + 2;
      if (!name.startsWith(':') || name === ':authority') fields += 1;
    }
    return { fields, longestLineBytes, totalBytes };
  }

  /** The fields for an app, edits applied. */
  upstreamHeaders(edits: HeaderEdits): string[] {
    return requestFields(this.fields, this.authority, edits);
  }

  /** The whole head for an app of HTTP/1.1, with the framing of that body. All of it was checked. */
  appHead(edits: HeaderEdits, body: UpstreamBody): string {
    if (this.#keptFor !== edits.drop) {
      this.#keptFor = edits.drop;
      const kept = requestFields(this.fields, this.authority, { drop: edits.drop, add: [] });
      this.#kept = `${this.method} ${this.target} HTTP/1.1\r\n${fieldLines(kept)}`;
    }
    return `${this.#kept}${edits.block?.text ?? ''}${fieldLines(edits.add)}${requestFraming(this.method, body)}\r\n`;
  }
}

interface RefusalInput {
  readonly pseudo: PseudoFields;
  readonly host: string | undefined;
  readonly length: string | undefined;
  readonly expect: string | undefined;
  readonly isTunnel: boolean;
}

/** What two readers may differ over: told as 400 or 417, not as a broken stream. */
function refusalOf({ pseudo, host, length, expect, isTunnel }: RefusalInput): Exchange['refusal'] {
  const malformed = (reason: string): Exchange['refusal'] => ({ kind: 'malformed', reason });
  const { method, scheme, authority } = pseudo;
  if (method === 'CONNECT' && !isTunnel) return malformed('CONNECT');
  if (scheme !== 'https' && scheme !== 'http') return malformed('not a scheme of HTTP');
  // RFC 9113 §8.3.1: a Host that says something else is malformed.
  if (authority !== null && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return malformed('Host beside another :authority');
  if (length !== undefined && !contentLength.test(length)) return malformed('not a Content-Length');
  if (expect === undefined || expect === '100-continue') return null;
  return { kind: 'expectationFailed', reason: 'an expectation other than 100-continue' };
}
