// 421 (RFC 9110 §15.5.20) only where the client reused a connection for a name that its certificate does not cover.
// Never on the default certificate or without SNI: there the name was never proven to begin with.
import { coversName } from '../tls/served-certificate.ts';
import type { Pass } from './pass.ts';

export const misdirected: Pass = {
  name: 'misdirected',
  run: (scope) => {
    const { sni, certificate } = scope.exchange.connection;
    if (sni === null || sni === scope.host || certificate === null || certificate.isDefault) return 'next';
    return coversName(certificate, scope.host)
      ? 'next'
      : scope.fail('misdirected', `connection is for ${sni}`);
  },
};
