// The identifier of a certificate at its CA (RFC 9773 §4.1). In the order's thread only: it needs the ASN.1 library.
import 'reflect-metadata';
import { AuthorityKeyIdentifierExtension, X509Certificate } from '@peculiar/x509';

/** base64url of the authority key identifier, a dot, base64url of the serial number; null when it has no such key. */
export function ariIdOf(chain: string): string | null {
  const [leaf] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(chain) ?? [];
  if (leaf === undefined) return null;
  const certificate = new X509Certificate(leaf);
  const keyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return null;
  const hex = certificate.serialNumber;
  // The DER INTEGER's content: a leading zero byte when the first bit is set (RFC 9773 §4.1, its example).
  const serial = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const content = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${content.toString('base64url')}`;
}
