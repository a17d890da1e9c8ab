// The profile as a stranger's client sees it: what is agreed on, and what is refused.
import { once } from 'node:events';
import { connect, type ConnectionOptions } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { startPlane, type TestPlane } from '../conformance/test-plane.ts';

const lane = { name: 'fast lane first', lanes: 'all' } as const;
// Clients that would agree to anything.
const lax = { ciphers: 'ALL:@SECLEVEL=0', minVersion: 'TLSv1' } as const;

/** Version and cipher, or `refused`. */
async function agreed(plane: TestPlane, options: ConnectionOptions): Promise<string> {
  const socket = connect({
    port: plane.httpsPort,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...lax,
    ...options,
  });
  try {
    await once(socket, 'secureConnect');
    return `${socket.getProtocol()} ${socket.getCipher().name}`;
  } catch {
    // Whatever alert it was: they did not agree.
    return 'refused';
  } finally {
    socket.destroy();
  }
}

describe('the TLS profile', () => {
  test('is Mozilla’s intermediate: TLS 1.2 and later, forward secrecy, authenticated ciphers', async () => {
    const certificates = [await makeCertificate(['default.invalid'], true)];
    await using plane = await startPlane(lane, { deployments: [], certificates, https: true });
    expect(await agreed(plane, {})).toMatch(/^TLSv1\.3 TLS_/);
    for (const cipher of [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
    ])
      expect(await agreed(plane, { maxVersion: 'TLSv1.2', ciphers: cipher })).toBe(`TLSv1.2 ${cipher}`);
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-GCM-SHA256'])
      expect(await agreed(plane, { maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` })).toBe(
        'refused',
      );
    expect(await agreed(plane, { maxVersion: 'TLSv1.1' })).toBe('refused');
    expect(await agreed(plane, { ecdhCurve: 'X25519' })).toMatch(/^TLSv1\.3/);
    expect(await agreed(plane, { ecdhCurve: 'secp521r1' })).toBe('refused');
  });
});
