// What a PROXY protocol header says (proxy-protocol.txt 2.2 of HAProxy), and the outcomes of reading one.

export type ProxyProtocolMode = 'off' | 'v1' | 'v2' | 'any';

export interface ProxyEndpoint {
  /** IPv4 or IPv6; `unix` for a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** PP2_TYPE_SSL: what the front says of the client's connection to it. */
export interface ProxySsl {
  /** The client was connected over TLS. */
  readonly overTls: boolean;
  /** The client presented a certificate, and it was verified. */
  readonly verified: boolean;
  /** `TLSv1.3` */
  readonly version: string | null;
  /** The common name of the client's certificate. */
  readonly commonName: string | null;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** null: the connection's own ends are the truth (UNKNOWN, LOCAL, UNSPEC). */
  readonly source: ProxyEndpoint | null;
  readonly destination: ProxyEndpoint | null;
  /** Host name that the client asked for (SNI). */
  readonly authority: string | null;
  readonly alpn: string | null;
  readonly uniqueId: Buffer | null;
  readonly ssl: ProxySsl | null;
}

export type ParsedProxyHeader =
  /** Valid so far, and not over. */
  | { readonly kind: 'more' }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly lengthBytes: number };

export const more: ParsedProxyHeader = Object.freeze({ kind: 'more' });

export const invalid = (reason: string): ParsedProxyHeader => ({ kind: 'invalid', reason });

/** Of a header that says nothing but who. */
export const bare = { authority: null, alpn: null, uniqueId: null, ssl: null } as const;
