// Fuzz target: a PROXY header is valid, invalid or not over, in the same way however far it has come; what it says of
// addresses is always an address and a port; version 1 agrees with a naive reading.
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import type { FuzzTarget } from './fuzz-target.ts';
import type { ProxyEndpoint } from '../proxy-protocol/header.ts';
import { parseProxyHeader } from '../proxy-protocol/parse-header.ts';

const bytesMax = 4_096;

const corpus = [
  ...[
    'PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\nGET / HTTP/1.1\r\n',
    'PROXY UNKNOWN\r\n',
    'PROXY TCP6 ::1 ::2 1 2\r\n',
  ].map((text) => Buffer.from(text, 'latin1')),
  ...[
    '0d0a0d0a000d0a515549540a2000000f030004889da1df2000050000000000',
    '0d0a0d0a000d0a515549540a211100137f0000017f000001d28647e0030004adc51d49',
    '0d0a0d0a000d0a515549540a2111001c7f0000017f000001d28647e0020005612e636f6d0500020102040001ff',
  ].map((text) => Buffer.from(text, 'hex')),
];

const naiveV1 =
  /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|TCP4 (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})|TCP6 (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4}))\r\n/;

function checkEndpoint(end: ProxyEndpoint | null): void {
  if (end === null) return;
  assert.ok(end.address === 'unix' || isIP(end.address) !== 0, `${end.address} is an address`);
  assert.ok(Number.isInteger(end.port) && end.port >= 0 && end.port <= 65_535);
}

export const proxyHeaderTarget: FuzzTarget = {
  name: 'PROXY header',
  corpus,
  check: (bytes, mutator) => {
    const whole = parseProxyHeader(bytes, 'any', bytesMax);
    if (whole.kind === 'header') {
      const { header, lengthBytes } = whole;
      assert.ok(lengthBytes > 0 && lengthBytes <= bytes.length);
      checkEndpoint(header.source);
      checkEndpoint(header.destination);
      assert.deepEqual(parseProxyHeader(bytes.subarray(0, lengthBytes), 'any', bytesMax), whole);
      assert.equal(parseProxyHeader(bytes.subarray(0, lengthBytes - 1), 'any', bytesMax).kind, 'more');
      if (header.version === 1) assert.equal(naiveV1.exec(bytes.toString('latin1'))?.[0].length, lengthBytes);
    }
    const before = parseProxyHeader(bytes.subarray(0, mutator.below(bytes.length + 1)), 'any', bytesMax);
    // More octets never make a refused beginning right, nor change what was said already.
    if (before.kind === 'header') assert.deepEqual(before, whole);
    if (before.kind === 'invalid') assert.equal(whole.kind, 'invalid');
  },
};
