// Mozilla's intermediate profile, version 5.7 (https://ssl-config.mozilla.org): TLS 1.2 and later, forward secrecy
// only, the client's order of preference.

export const tlsProfile = Object.freeze({
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'DHE-RSA-AES128-GCM-SHA256',
    'DHE-RSA-AES256-GCM-SHA384',
    'DHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519:prime256v1:secp384r1',
  honorCipherOrder: false,
  /** Explicit, so that tickets are shared between processes (measured: equal keys alone do not resume). */
  sessionIdContext: 'tako',
  /** Seconds that a ticket may be used for: OpenSSL's default, said because the keys before are kept as long. */
  sessionTimeout: 7_200,
} as const);
