// A certificate authority for tests: root, intermediate, leaves with any names and dates.
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const rsa = (bits: number) =>
  ({
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: bits,
  }) as const;

interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface LeafOptions {
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
  /** RSA with so many bits instead of P-256. */
  readonly rsaBits?: number;
}

export interface IssuedLeaf {
  readonly leaf: string;
  readonly privateKey: string;
}

export interface TestAuthority {
  readonly root: string;
  readonly intermediate: string;
  issue(options: LeafOptions): Promise<IssuedLeaf>;
}

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;

async function authority(name: string, nowMs: number, issuer?: Authority): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: '01',
    subject: `O=Test CA, CN=${name}`,
    issuer: issuer?.certificate.subject ?? `O=Test CA, CN=${name}`,
    notBefore: new Date(nowMs - 86_400_000),
    notAfter: new Date(nowMs + 10 * 365 * 86_400_000),
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return { certificate, keys };
}

export async function createTestAuthority(nowMs: number): Promise<TestAuthority> {
  const root = await authority('Test Root', nowMs);
  const intermediate = await authority('Test Intermediate', nowMs, root);
  return {
    root: pem(root.certificate),
    intermediate: pem(intermediate.certificate),
    async issue({ names, notBefore, notAfter, rsaBits }) {
      const keys = await (rsaBits === undefined
        ? crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
        : crypto.subtle.generateKey(rsa(rsaBits), true, ['sign', 'verify']));
      const certificate = await X509CertificateGenerator.create({
        serialNumber: '02',
        subject: 'CN=leaf',
        issuer: intermediate.certificate.subject,
        notBefore: new Date(notBefore),
        notAfter: new Date(notAfter),
        publicKey: keys.publicKey,
        signingKey: intermediate.keys.privateKey,
        signingAlgorithm: algorithm,
        extensions:
          names.length === 0
            ? []
            : [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
      });
      const privateKey = PemConverter.encode(
        await crypto.subtle.exportKey('pkcs8', keys.privateKey),
        'PRIVATE KEY',
      );
      return { leaf: pem(certificate), privateKey };
    },
  };
}
