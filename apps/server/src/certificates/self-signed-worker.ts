// Makes one self-signed certificate (ECDSA P-256) in a thread of its own: the ASN.1 library takes 25 MB, which end
// with the thread. Answers once and ends. With an `acmeIdentifier` it is the answer to a TLS-ALPN-01 challenge.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificatePair } from '@tako/config/certificate';

export interface SelfSignedTask {
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the key authorization, hex: goes into the certificate, critical (RFC 8737 §3). */
  readonly acmeIdentifier: string | null;
}

/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const acmeIdentifierOid = '1.3.6.1.5.5.7.1.31';

/** A DER OCTET STRING of 32 bytes. */
function acmeIdentifierExtension(digestHex: string): Extension {
  return new Extension(acmeIdentifierOid, true, Buffer.from(`0420${digestHex}`, 'hex'));
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

async function createSelfSigned(task: SelfSignedTask): Promise<CertificatePair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const serial = randomBytes(16);
  // Positive and without leading zeros (RFC 5280 §4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toString('hex'),
    name: 'CN=Tako self-signed',
    notBefore: new Date(task.notBefore),
    notAfter: new Date(task.notAfter),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(task.names.map((value) => ({ type: 'dns', value }))),
      ...(task.acmeIdentifier === null ? [] : [acmeIdentifierExtension(task.acmeIdentifier)]),
    ],
  });
  const privateKey = PemConverter.encode(
    await crypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return { certificate: `${certificate.toString('pem')}\n`, privateKey: `${privateKey}\n` };
}

const task: SelfSignedTask = workerData;
const pair = await createSelfSigned(task);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a MessagePort has no origin
parentPort?.postMessage(pair);
