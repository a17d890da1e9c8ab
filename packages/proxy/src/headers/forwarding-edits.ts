// The header edits of one request and of its response: hop-by-hop fields out, the truth about the client in.
import type { DeploymentPolicy } from '../control/messages.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { FieldBlock, type HeaderEdits } from './header-edits.ts';
import type { ClientOrigin } from './client-origin.ts';
import { requestFieldsDropped, responseFieldsDropped, withNamedFields } from './hop-by-hop.ts';
import type { UpstreamProtocol, UpstreamResponseHead } from '../upstream/upstream.types.ts';

export interface RequestEditsInput {
  readonly exchange: Exchange;
  readonly origin: ClientOrigin;
  readonly requestId: string;
  readonly serverName: string;
  /** What the app speaks. */
  readonly upstreamProtocol: UpstreamProtocol;
}

export function requestEdits(input: RequestEditsInput): HeaderEdits {
  const { exchange, origin, requestId, serverName } = input;
  const drop = withNamedFields(requestFieldsDropped, exchange.header('connection'));
  const own = ['X-Request-ID', requestId];
  // RFC 9110 §10.1.4: of this field only a word for trailers goes on, and HTTP/2 has no other (RFC 9113 §8.2.2). gRPC
  // servers insist on it.
  if (input.upstreamProtocol === 'h2c' && acceptsTrailers(exchange.header('te'))) own.push('TE', 'trailers');
  const via = exchange.header('via');
  const { memory } = exchange.connection;
  // Most requests: what the app is told about the client is what it was told with the one before.
  if (via === undefined && exchange.protocol !== 'HTTP/1.0' && memory.origin === origin) {
    if (memory.blockOrigin !== origin) {
      memory.block = new FieldBlock(originFields(input, `${exchange.protocol.slice(5)} ${serverName}`));
      memory.blockOrigin = origin;
    }
    return { drop, block: memory.block ?? undefined, add: own };
  }
  const passed = appendVia(via, exchange.protocol.slice(5), serverName);
  return { drop, add: [...originFields(input, passed), ...own] };
}

const acceptsTrailers = (te: string | undefined): boolean =>
  te !== undefined && te.split(',').some((member) => /^\s*trailers\s*(?:;|$)/i.test(member));

function originFields({ exchange, origin }: RequestEditsInput, via: string): string[] {
  const peer = exchange.connection.peerAddress === 'unix' ? 'unknown' : exchange.connection.peerAddress;
  return [
    'X-Forwarded-For',
    origin.forwardedFor === null ? peer : `${origin.forwardedFor}, ${peer}`,
    'X-Forwarded-Proto',
    origin.proto,
    'X-Forwarded-Host',
    origin.host,
    'X-Forwarded-Port',
    String(origin.port),
    'Forwarded',
    forwardedValue(origin, peer),
    'X-Real-IP',
    origin.address,
    'Via',
    via,
  ];
}

/** Our name in Via, and the field as most responses get it. */
export class OwnVia {
  readonly name: string;
  readonly #blocks: Readonly<Record<UpstreamProtocol, FieldBlock>>;

  constructor(name: string) {
    this.name = name;
    this.#blocks = {
      http1: new FieldBlock(['Via', `${versionOf.http1} ${name}`]),
      h2c: new FieldBlock(['Via', `${versionOf.h2c} ${name}`]),
    };
  }

  block(protocol: UpstreamProtocol): FieldBlock {
    return this.#blocks[protocol];
  }
}

/** As Via and the request line of HTTP/1 say it. */
const versionOf: Readonly<Record<UpstreamProtocol, string>> = { http1: '1.1', h2c: '2' };

export interface ResponseEditsInput {
  /** The response's head, asked by lower-case name. */
  readonly head: Pick<UpstreamResponseHead, 'field'>;
  readonly upstreamProtocol: UpstreamProtocol;
  readonly requestId: string;
  readonly via: OwnVia;
  readonly policy: DeploymentPolicy;
  readonly secure: boolean;
  readonly setCookie: string | null;
}

export function responseEdits(input: ResponseEditsInput): HeaderEdits {
  const { head, upstreamProtocol, requestId, via, policy, secure, setCookie } = input;
  const add = ['X-Request-ID', requestId];
  const before = head.field('via');
  const block = before === undefined ? via.block(upstreamProtocol) : undefined;
  if (before !== undefined) add.push('Via', appendVia(before, versionOf[upstreamProtocol], via.name));
  // RFC 6797 §7.2: never over plain HTTP. The app's own value wins.
  if (policy.hsts && secure && head.field('strict-transport-security') === undefined) {
    add.push('Strict-Transport-Security', 'max-age=31536000');
  }
  if (setCookie !== null) add.push('Set-Cookie', setCookie);
  return { drop: withNamedFields(responseFieldsDropped, head.field('connection')), block, add };
}

/** RFC 9110 §7.6.3; the version is the one the message came in with. */
const appendVia = (before: string | undefined, version: string, name: string): string =>
  before === undefined || before === '' ? `${version} ${name}` : `${before}, ${version} ${name}`;

/** RFC 7239 §4; IPv6 in brackets and quotes (§6.1). */
function forwardedValue(origin: ClientOrigin, peer: string): string {
  const node = peer.includes(':') ? `"[${peer}]"` : peer;
  const host = origin.host === '' ? '' : `;host="${origin.host.replaceAll(/[\\"]/g, '')}"`;
  const element = `for=${node}${host};proto=${origin.proto}`;
  return origin.forwarded === null ? element : `${origin.forwarded}, ${element}`;
}
