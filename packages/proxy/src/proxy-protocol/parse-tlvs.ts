// The extensions of version 2 (proxy-protocol.txt §2.2.1 to §2.2.8): read strictly, the checksum enforced. Pure.
import { crc32c } from './crc32c.ts';
import type { ProxyHeader, ProxySsl } from './header.ts';

const types = { alpn: 0x01, authority: 0x02, crc32c: 0x03, uniqueId: 0x05, ssl: 0x20 } as const;
const sslTypes = { version: 0x21, commonName: 0x22 } as const;
const uniqueIdBytesMax = 128;
/** A host name as DNS has them (RFC 1035 §2.3.4). */
const authorityBytesMax = 255;
const alpnBytesMax = 255;
const clientSsl = 0x01;
/** PP2_CLIENT_CERT_CONN and PP2_CLIENT_CERT_SESS. */
const clientCertificate = 0x06;

export type Extensions = Pick<ProxyHeader, 'authority' | 'alpn' | 'uniqueId' | 'ssl'>;
export type ParsedExtensions =
  | { readonly kind: 'extensions'; readonly extensions: Extensions }
  | { readonly kind: 'invalid'; readonly reason: string };

interface Tlv {
  readonly type: number;
  /** Of the value, within the bytes that were given. */
  readonly start: number;
  readonly value: Buffer;
}

/** null: one ends behind the block. */
function readTlvs(bytes: Buffer, from: number): Tlv[] | null {
  const found: Tlv[] = [];
  let at = from;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return null;
    const length = bytes.readUInt16BE(at + 1);
    const start = at + 3;
    if (start + length > bytes.length) return null;
    found.push({ type: bytes.readUInt8(at), start, value: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** null: no UTF-8, or something that is no text. */
function readText(value: Buffer): string | null {
  const text = value.toString('utf8');
  return Buffer.from(text).equals(value) && !/\p{Cc}/u.test(text) ? text : null;
}

function readSsl(value: Buffer): ProxySsl | null {
  const own = value.length < 5 ? null : readTlvs(value, 5);
  if (own === null) return null;
  const client = value.readUInt8(0);
  const textOf = (type: number): string | null => {
    const found = own.find((tlv) => tlv.type === type);
    return found === undefined ? null : readText(found.value);
  };
  return {
    overTls: (client & clientSsl) !== 0,
    verified: (client & clientCertificate) !== 0 && value.readUInt32BE(1) === 0,
    version: textOf(sslTypes.version),
    commonName: textOf(sslTypes.commonName),
  };
}

/** Over the whole header, its own four octets as zeros (§2.2.3). */
function isIntact(header: Buffer, { start, value }: Tlv): boolean {
  return value.length === 4 && value.readUInt32BE(0) === crc32c(header, start, start + 4);
}

const invalid = (reason: string): ParsedExtensions => ({ kind: 'invalid', reason });

/** `header` is the whole of it, from its signature; the extensions begin at `from`. */
export function parseExtensions(header: Buffer, from: number): ParsedExtensions {
  const tlvs = readTlvs(header, from);
  if (tlvs === null) return invalid('an extension is cut off');
  const named = (type: number): Tlv | undefined => tlvs.find((tlv) => tlv.type === type);
  for (const type of Object.values(types))
    if (tlvs.filter((tlv) => tlv.type === type).length > 1) return invalid(`extension ${type} comes twice`);
  const checksum = named(types.crc32c);
  if (checksum !== undefined && !isIntact(header, checksum)) return invalid('the checksum is wrong');
  const uniqueId = named(types.uniqueId)?.value ?? null;
  if (uniqueId !== null && uniqueId.length > uniqueIdBytesMax) return invalid('UNIQUE_ID is too long');
  const sslValue = named(types.ssl)?.value;
  const ssl = sslValue === undefined ? null : readSsl(sslValue);
  if (sslValue !== undefined && ssl === null) return invalid('SSL is cut off');
  const authority = named(types.authority)?.value;
  const alpn = named(types.alpn)?.value;
  const authorityText = authority === undefined ? null : readText(authority);
  if (authority !== undefined && (authorityText === null || authority.length > authorityBytesMax))
    return invalid('AUTHORITY is no host name');
  if (alpn !== undefined && alpn.length > alpnBytesMax) return invalid('ALPN is too long');
  return {
    kind: 'extensions',
    extensions: { authority: authorityText, alpn: alpn?.toString('latin1') ?? null, uniqueId, ssl },
  };
}
