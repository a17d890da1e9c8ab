// Which of the server's certificates TLS serves for each host of an app, chosen as the data plane chooses. Pure.
import type { CertificateStatus, HostCertificate } from '@tako/protocol';
import { precedenceOf } from '../certificates/precedence.ts';
import { hostsOf } from './name-rules.ts';

type Served = CertificateStatus & { readonly notAfter: number };

const isServed = (certificate: CertificateStatus): certificate is Served =>
  certificate.source !== 'self-signed' && certificate.notAfter !== null;

/** The certificates of a host: exact names before wildcards (spec 50), whatever their dates. */
function naming<T extends CertificateStatus>(host: string, certificates: readonly T[]): T[] {
  const exact = certificates.filter(({ names }) => names.includes(host));
  if (exact.length > 0) return exact;
  const wildcard = `*${host.slice(host.indexOf('.'))}`;
  return certificates.filter(({ names }) => names.includes(wildcard));
}

/** `certificates`: all that the server has and waits for. */
export function hostCertificates(
  routes: readonly string[],
  certificates: readonly CertificateStatus[],
  nowMs: number,
): HostCertificate[] {
  const served = certificates.filter(isServed);
  return hostsOf(routes).map((host) => {
    const best = naming(host, served)
      .toSorted((a, b) => precedenceOf(a, nowMs) - precedenceOf(b, nowMs) || a.notAfter - b.notAfter)
      .at(-1);
    if (best !== undefined) {
      const { names: _, ...facts } = best;
      return { host, ...facts };
    }
    const waiting = naming(
      host,
      certificates.filter(({ notAfter }) => notAfter === null),
    )[0];
    const { state = 'self-signed', lastError = null, nextTryAt = null } = waiting ?? {};
    return { host, source: 'self-signed', state, issuer: null, notAfter: null, lastError, nextTryAt };
  });
}
