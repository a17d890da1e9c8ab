// Asks a thread for a self-signed certificate, with a deadline. Knows no files.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CertificatePair } from '@tako/config/certificate';
import { certificateLimits } from './limits.ts';
import type { SelfSignedTask } from './self-signed-worker.ts';

export function createSelfSigned(names: readonly string[], nowMs: number): Promise<CertificatePair> {
  return create({
    names,
    notBefore: nowMs - certificateLimits.clockSkewMs,
    notAfter: nowMs + certificateLimits.selfSignedLifetimeMs,
    acmeIdentifier: null,
  });
}

export interface AlpnChallenge {
  readonly host: string;
  readonly keyAuthorization: string;
}

/** What answers a TLS-ALPN-01 validation of that host (RFC 8737 §3). */
export function createAlpnCertificate(challenge: AlpnChallenge, nowMs: number): Promise<CertificatePair> {
  return create({
    names: [challenge.host],
    notBefore: nowMs - certificateLimits.clockSkewMs,
    notAfter: nowMs + certificateLimits.alpnLifetimeMs,
    acmeIdentifier: createHash('sha256').update(challenge.keyAuthorization).digest('hex'),
  });
}

async function create(workerData: SelfSignedTask): Promise<CertificatePair> {
  // Sources run as .ts, the build as .js: the thread's file has the extension of this one.
  const script = new URL(`./self-signed-worker${path.extname(import.meta.filename)}`, import.meta.url);
  const worker = new Worker(script, { workerData });
  const { promise, resolve, reject } = Promise.withResolvers<CertificatePair>();
  worker.once('message', (pair: CertificatePair) => resolve(pair));
  worker.once('error', reject);
  worker.once('exit', (code) => reject(new Error(`the thread ended without a certificate (${code})`)));
  const timer = setTimeout(
    () => reject(new Error('no certificate in time')),
    certificateLimits.createTimeoutMs,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
