// Reads a certificate with its key, as PEM, and says what it is, or why it cannot be served. The command checks with
// it what it is about to send, the server what it was sent. Pure.
import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { limits } from './limits.ts';
import { TakoError } from './tako-error.ts';

export interface CertificatePair {
  /** Leaf first, then its issuers. */
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateFacts {
  /** Lower case, from the subject alternative names; wildcards as `*.example.com`. */
  readonly names: readonly [string, ...string[]];
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** As it will be served: leaf first, each followed by its issuer. */
  readonly pair: CertificatePair;
}

function invalid(what: string, hint: string, cause?: unknown): TakoError {
  return new TakoError('CERTIFICATE_INVALID', `The certificate cannot be used: ${what}.`, { hint, cause });
}

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function parseChain(pem: string): X509Certificate[] {
  const blocks = pem.match(pemBlock) ?? [];
  if (blocks.length === 0)
    throw invalid(
      'there is no PEM certificate in it',
      'Give the file that begins with "-----BEGIN CERTIFICATE-----".',
    );
  if (blocks.length > limits.certificateChainMax) {
    throw invalid(
      `it has ${blocks.length} certificates, at most ${limits.certificateChainMax} are allowed`,
      'Leave out what is not in the chain of this one.',
    );
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw invalid(
        `number ${index + 1} is not readable (${wordsOf(cause)})`,
        'Export it again as PEM.',
        cause,
      );
    }
  });
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // OpenSSL's text could quote the input: it stays out of the message.
    const hint = /ENCRYPTED/.test(pem)
      ? 'It is encrypted; write it without a passphrase: openssl pkey -in key.pem -out plain.pem'
      : 'Give the key as PEM, beginning with "-----BEGIN PRIVATE KEY-----" or "-----BEGIN EC PRIVATE KEY-----".';
    throw invalid('its private key is not readable', hint, cause);
  }
}

/** Each certificate must be signed by the next one (RFC 8446 §4.4.2). */
function assertChainOrder(chain: readonly X509Certificate[]): void {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined) continue;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw invalid(
        `number ${index + 2} of the chain did not sign number ${index + 1}`,
        'Put the leaf first, then the certificate that signed it, and so on.',
      );
    }
  }
}

const dnsName = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function namesOf(leaf: X509Certificate): [string, ...string[]] {
  const names = (leaf.subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase())
    .filter((name) => name.length <= 253 && dnsName.test(name));
  const [first, ...rest] = new Set(names);
  if (first === undefined) {
    throw invalid(
      'it names no DNS host',
      'Browsers read subject alternative names only; have it issued with `DNS:` entries.',
    );
  }
  return [first, ...rest];
}

function assertUsableNow(leaf: X509Certificate, nowMs: number): void {
  if (leaf.validToDate.getTime() <= nowMs)
    throw invalid(`it expired on ${leaf.validTo}`, 'Give a renewed one.');
  if (leaf.validFromDate.getTime() > nowMs + limits.certificateClockSkewMs) {
    throw invalid(
      `it is not valid before ${leaf.validFrom}`,
      'Add it when that time has come, and look at the server’s clock (`timedatectl`).',
    );
  }
}

function issuerName(leaf: X509Certificate): string {
  const line = (label: string): string | undefined =>
    leaf.issuer
      .split('\n')
      .find((part) => part.startsWith(`${label}=`))
      ?.slice(label.length + 1);
  return line('O') ?? line('CN') ?? leaf.issuer.replaceAll('\n', ', ');
}

/** What a stored pair says, its dates unchecked. Throws CERTIFICATE_INVALID. */
export function readCertificate(pair: CertificatePair): CertificateFacts {
  const chain = parseChain(pair.certificate);
  const leaf = chain[0];
  if (leaf === undefined) throw new TypeError('assertion failed: a parsed chain has a leaf');
  if (!leaf.checkPrivateKey(parseKey(pair.privateKey))) {
    throw invalid(
      'the private key is not that of the first certificate',
      'Give the key it was issued for; in the chain the leaf comes first.',
    );
  }
  assertChainOrder(chain);
  const served = {
    certificate: chain.map((certificate) => certificate.toString()).join(''),
    privateKey: pair.privateKey.endsWith('\n') ? pair.privateKey : `${pair.privateKey}\n`,
  };
  try {
    createSecureContext({ cert: served.certificate, key: served.privateKey });
  } catch (cause) {
    throw invalid(
      `TLS refuses it (${wordsOf(cause)})`,
      'Have it issued with a stronger key: ECDSA P-256, or RSA with 2048 bits.',
      cause,
    );
  }
  return {
    names: namesOf(leaf),
    issuer: issuerName(leaf),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    pair: served,
  };
}

/** What a CA issued is for all the names that were ordered. Throws CERTIFICATE_INVALID. */
export function checkIssued(facts: CertificateFacts, names: readonly string[]): void {
  const missing = names.filter((name) => !facts.names.includes(name));
  if (missing.length === 0) return;
  throw invalid(`it is not for ${missing.join(', ')}`, 'This is the CA’s mistake; it is tried again.');
}

/** As `readCertificate`, and it must be valid now. */
export function checkCertificate(pair: CertificatePair, nowMs: number): CertificateFacts {
  const facts = readCertificate(pair);
  const leaf = parseChain(facts.pair.certificate)[0];
  if (leaf !== undefined) assertUsableNow(leaf, nowMs);
  return facts;
}
