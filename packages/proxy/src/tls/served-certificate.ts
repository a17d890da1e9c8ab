// What is known of the certificate that a connection was served with.

export interface ServedCertificate {
  /** Lower-case, wildcards as `*.example.com`. */
  readonly names: readonly string[];
  readonly isDefault: boolean;
}

/** A certificate's wildcard stands for exactly one label (RFC 6125 §6.4.3). */
export function coversName(certificate: ServedCertificate, host: string): boolean {
  if (certificate.names.includes(host)) return true;
  const dot = host.indexOf('.');
  return dot > 0 && certificate.names.includes(`*${host.slice(dot)}`);
}
