import { expect, test } from 'vitest';
import { kindOfSocket } from './inherited-kind.ts';
import type { ListeningBoundSocket } from './inherited-kind.ts';

const places = { httpPort: 8080, httpsPort: 8443, socket: '/run/tako/tako.sock', metricsPort: 9898 };
const tcp = (port: number): ListeningBoundSocket => ({ kind: 'tcp', address: '::', port });
const unix = (path: string): ListeningBoundSocket => ({ kind: 'unix', path });

test.each([
  ['http', 'http'],
  ['https', 'https'],
  ['management', 'management'],
  ['metrics', 'metrics'],
  // What systemd says where a unit sets no FileDescriptorName=: the unit's own name.
  ['tako-server-http.socket', 'http'],
  ['tako-server-https.socket', 'https'],
  ['my_https', 'https'],
])('the name %s means %s, wherever it is bound', (name, kind) => {
  expect(kindOfSocket(name, tcp(9898), places)).toBe(kind);
  expect(kindOfSocket(name, unix('/x'), places)).toBe(kind);
});

test.each([
  [tcp(8080), 'http'],
  [tcp(8443), 'https'],
  [tcp(9898), 'metrics'],
  [tcp(80), 'http'],
  [tcp(443), 'https'],
  [unix('/run/tako/tako.sock'), 'management'],
  [tcp(3000), null],
  [unix('/run/front.sock'), null],
])('without a known name the place decides: %j is %s', (bound, kind) => {
  for (const name of [null, 'web', 'connection', 'xhttp', 'http.service'])
    expect(kindOfSocket(name, bound, places)).toBe(kind);
});

test('the options go before the well-known ports', () => {
  expect(kindOfSocket(null, tcp(443), { ...places, httpPort: 443 })).toBe('http');
  expect(kindOfSocket(null, tcp(0), { ...places, httpPort: 0 })).toBe('http');
});
