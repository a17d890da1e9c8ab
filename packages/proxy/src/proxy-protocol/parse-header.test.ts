// The grammar of both versions: captures of HAProxy, every rule of the specification from both sides, and round trips.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerV1, headerV2, rawV2, tlv, withChecksum } from '../conformance/proxy-headers.ts';
import { crc32c } from './crc32c.ts';
import { parseProxyHeader } from './parse-header.ts';

const bytesMax = 16 * 1024;
const parse = (bytes: Buffer | string, mode: 'v1' | 'v2' | 'any' = 'any') =>
  parseProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, mode, bytesMax);

test('the checksum is Castagnoli', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
});

describe('captures of HAProxy 2.6', () => {
  test('a LOCAL health check with checksum and SSL', () => {
    const bytes = Buffer.from('0d0a0d0a000d0a515549540a2000000f030004889da1df2000050000000000', 'hex');
    expect(parse(bytes)).toEqual({
      kind: 'header',
      lengthBytes: bytes.length,
      header: {
        version: 2,
        source: null,
        destination: null,
        authority: null,
        alpn: null,
        uniqueId: null,
        ssl: { overTls: false, verified: false, version: null, commonName: null },
      },
    });
  });

  test('a connection over IPv4 with checksum', () => {
    const bytes = Buffer.from(
      '0d0a0d0a000d0a515549540a211100137f0000017f000001d28647e0030004adc51d49',
      'hex',
    );
    expect(parse(bytes)).toMatchObject({
      kind: 'header',
      lengthBytes: bytes.length,
      header: {
        source: { address: '127.0.0.1', port: 53_894 },
        destination: { address: '127.0.0.1', port: 18_400 },
      },
    });
    for (let at = 16; at < bytes.length; at += 1) {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 1;
      expect(parse(broken).kind).not.toBe('header');
    }
  });
});

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\n', '192.0.2.1', 56_324, 443],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255', 65_535, 65_535],
    ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n', '0.0.0.0', 0, 0],
    ['PROXY TCP6 2001:db8::1 ::1 1 2\r\n', '2001:db8::1', 1, 2],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
      `${'ffff:'.repeat(7)}ffff`,
      65_535,
      65_535,
    ],
  ])('%j', (line, address, sourcePort, destinationPort) => {
    const parsed = parse(`${line}GET / HTTP/1.1\r\n`);
    expect(parsed).toMatchObject({
      kind: 'header',
      lengthBytes: line.length,
      header: { version: 1, source: { address, port: sourcePort }, destination: { port: destinationPort } },
    });
  });

  test.each([
    'PROXY UNKNOWN\r\n',
    'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n',
    'PROXY UNKNOWN whatever, really\r\n',
  ])('%j leaves the connection its own ends', (line) => {
    expect(parse(line)).toMatchObject({ kind: 'header', header: { source: null, destination: null } });
  });

  test.each([
    'GET / HTTP/1.1\r\n\r\n',
    'PROXy TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1 1 more\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n',
    'PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n',
    'PROXY TCP4 ::1 ::1 1 1\r\n',
    'PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n',
    'PROXY TCP6 ::1 1.1.1.1 1 1\r\n',
    'PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY\r\n',
    'PROXY \r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n',
    'PROXY TCP4\t1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY UNKNOWN \0\r\n',
    'PROXY UNKNOWN a\rb\r\n',
    `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
  ])('%j is refused', (line) => {
    expect(parse(line).kind).toBe('invalid');
  });

  test('a line of 107 octets is the longest', () => {
    const line = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`;
    expect(line).toHaveLength(107);
    expect(parse(line).kind).toBe('header');
  });
});

const addresses4 = Buffer.from('c0000201c633640904d201bb', 'hex');

describe('version 2', () => {
  test.each([
    ['TCP over IPv4', rawV2(1, 0x11, addresses4), '192.0.2.1'],
    ['UDP over IPv4', rawV2(1, 0x12, addresses4), '192.0.2.1'],
    ['TCP over IPv6', headerV2({ source: '2001:db8::1' }), '2001:db8::1'],
    ['a Unix socket', rawV2(1, 0x31, Buffer.alloc(216)), 'unix'],
    [
      'with unknown extensions',
      headerV2({ source: '192.0.2.1', tlvs: [tlv(0xea, Buffer.from('vpce-1')), tlv(4, Buffer.alloc(9))] }),
      '192.0.2.1',
    ],
    [
      'with its checksum',
      withChecksum({ source: '192.0.2.1', tlvs: [tlv(2, Buffer.from('a.example.com'))] }),
      '192.0.2.1',
    ],
  ])('%s', (_what, bytes, address) => {
    expect(parse(Buffer.concat([bytes, Buffer.from('GET')]))).toMatchObject({
      kind: 'header',
      lengthBytes: bytes.length,
      header: { version: 2, source: { address } },
    });
  });

  test.each([
    ['LOCAL with nothing', rawV2(0, 0x00, Buffer.alloc(0))],
    ['LOCAL with an address block, which is discarded', rawV2(0, 0x11, addresses4)],
    ['LOCAL of a family that nobody knows', rawV2(0, 0x7f, Buffer.from('anything'))],
    ['LOCAL with a block that is too short', rawV2(0, 0x21, Buffer.alloc(3))],
    ['UNSPEC', rawV2(1, 0x00, Buffer.alloc(0))],
  ])('%s leaves the connection its own ends', (_what, bytes) => {
    expect(parse(bytes)).toMatchObject({ kind: 'header', header: { source: null, destination: null } });
  });

  test('reads what the front says of the client', () => {
    const ssl = Buffer.concat([
      Buffer.from([0x07, 0, 0, 0, 0]),
      tlv(0x21, Buffer.from('TLSv1.3')),
      tlv(0x22, Buffer.from('client ü')),
    ]);
    const tlvs = [
      tlv(1, Buffer.from('h2')),
      tlv(2, Buffer.from('app.example.com')),
      tlv(5, Buffer.alloc(128, 7)),
      tlv(0x20, ssl),
    ];
    expect(parse(headerV2({ source: '192.0.2.1', tlvs }))).toMatchObject({
      header: {
        alpn: 'h2',
        authority: 'app.example.com',
        uniqueId: Buffer.alloc(128, 7),
        ssl: { overTls: true, verified: true, version: 'TLSv1.3', commonName: 'client ü' },
      },
    });
    const unverified = tlv(0x20, Buffer.from([0x07, 0, 0, 0, 1]));
    expect(parse(headerV2({ source: '192.0.2.1', tlvs: [unverified] }))).toMatchObject({
      header: { ssl: { overTls: true, verified: false } },
    });
  });

  const withTlvs = (...tlvs: Buffer[]): Buffer => headerV2({ source: '192.0.2.1', tlvs });
  const version = rawV2(1, 0x11, addresses4);
  version[12] = 0x11;
  test.each([
    ['another signature', Buffer.from('0d0a0d0a000d0a515549540b2000000000', 'hex')],
    ['version 1 in it', version],
    ['the command 2', rawV2(2, 0x11, addresses4)],
    ['the command 15', rawV2(15, 0x11, addresses4)],
    ['an unknown family', rawV2(1, 0x41, addresses4)],
    ['an unknown protocol', rawV2(1, 0x13, addresses4)],
    ['half a family', rawV2(1, 0x10, addresses4)],
    ['a short block of IPv4', rawV2(1, 0x11, addresses4.subarray(1))],
    ['a short block of IPv6', rawV2(1, 0x21, Buffer.alloc(35))],
    ['a short block of a Unix socket', rawV2(1, 0x31, Buffer.alloc(215))],
    ['an extension without its length', withTlvs(Buffer.from([4, 0]))],
    ['an extension that ends behind the header', withTlvs(Buffer.from([4, 0, 2, 0]))],
    ['such a one in LOCAL', rawV2(0, 0x00, Buffer.from([4, 0, 2, 0]))],
    ['a wrong checksum', withTlvs(tlv(3, Buffer.alloc(4)))],
    ['a checksum of three octets', withTlvs(tlv(3, Buffer.alloc(3)))],
    ['two checksums', withTlvs(tlv(3, Buffer.alloc(4)), tlv(3, Buffer.alloc(4)))],
    ['a UNIQUE_ID of 129 octets', withTlvs(tlv(5, Buffer.alloc(129)))],
    ['SSL without its verdict', withTlvs(tlv(0x20, Buffer.alloc(4)))],
    ['SSL with an extension that is cut off', withTlvs(tlv(0x20, Buffer.from([1, 0, 0, 0, 0, 0x21, 0, 9])))],
    ['AUTHORITY that is no UTF-8', withTlvs(tlv(2, Buffer.from([0xff])))],
    ['AUTHORITY with a line end', withTlvs(tlv(2, Buffer.from('a\r\nb')))],
    ['AUTHORITY longer than a name can be', withTlvs(tlv(2, Buffer.alloc(256, 'a')))],
    ['more than the limit', rawV2(1, 0x11, Buffer.alloc(bytesMax - 15))],
  ])('%s is refused', (_what, bytes) => {
    expect(parse(bytes).kind).toBe('invalid');
  });

  test('a header at the limit is taken', () => {
    const filling = tlv(4, Buffer.alloc(bytesMax - 16 - 12 - 3));
    expect(parse(withTlvs(filling))).toMatchObject({ kind: 'header', lengthBytes: bytesMax });
  });
});

describe('which version may come', () => {
  const [one, two] = [headerV1({ source: '192.0.2.1' }), headerV2({ source: '192.0.2.1' })];

  test('the one that is due, or either; never none', () => {
    const verdicts = (['v1', 'v2', 'any'] as const).map((mode) =>
      [one, two, Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from([22, 3, 1])].map(
        (bytes) => parse(bytes, mode).kind,
      ),
    );
    expect(verdicts).toEqual([
      ['header', 'invalid', 'invalid', 'invalid'],
      ['invalid', 'header', 'invalid', 'invalid'],
      ['header', 'header', 'invalid', 'invalid'],
    ]);
  });
});

const ipv4 = fc.ipV4();
const ipv6 = fc
  .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16)).join(':'));
const input = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6)).chain(([source, destination]) =>
  fc.record({
    source: fc.constant(source),
    destination: fc.constant(destination),
    sourcePort: fc.nat(65_535),
    destinationPort: fc.nat(65_535),
  }),
);

test('every header says what was written, ends where it ends, and is not over before', () => {
  fc.assert(
    fc.property(
      input,
      fc.constantFrom(headerV1, headerV2, withChecksum),
      fc.uint8Array({ maxLength: 40 }),
      (ends, write, rest) => {
        const bytes = write(ends);
        expect(parse(Buffer.concat([bytes, rest]))).toMatchObject({
          kind: 'header',
          lengthBytes: bytes.length,
          header: {
            source: { address: ends.source, port: ends.sourcePort },
            destination: { address: ends.destination, port: ends.destinationPort },
          },
        });
        for (let length = 0; length < bytes.length; length += 1)
          expect(parse(bytes.subarray(0, length))).toEqual({ kind: 'more' });
      },
    ),
    { numRuns: 200 },
  );
});
