// Version 2: binary (proxy-protocol.txt §2.2). Only the combinations that the specification names are taken. Pure.
import { SocketAddress } from 'node:net';
import { invalid, more, type ParsedProxyHeader, type ProxyEndpoint } from './header.ts';
import { parseExtensions } from './parse-tlvs.ts';

const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const fixedBytes = 16;
const local = 0;
const proxy = 1;

type Family = 'unspecified' | 'ipv4' | 'ipv6' | 'unix';

/** By the octet of family and protocol: streams and datagrams are the same to us, whoever translated them. */
const families: ReadonlyMap<number, Family> = new Map([
  [0x00, 'unspecified'],
  [0x11, 'ipv4'],
  [0x12, 'ipv4'],
  [0x21, 'ipv6'],
  [0x22, 'ipv6'],
  [0x31, 'unix'],
  [0x32, 'unix'],
]);
const addressBytes: Readonly<Record<Family, number>> = { unspecified: 0, ipv4: 12, ipv6: 36, unix: 216 };

/** Its path is its front's affair. */
const unixEnd: ProxyEndpoint = { address: 'unix', port: 0 };

function ipv6At(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(at + 2 * index).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function readEndpoints(family: Family, bytes: Buffer): readonly [ProxyEndpoint | null, ProxyEndpoint | null] {
  const at = fixedBytes;
  if (family === 'unspecified') return [null, null];
  if (family === 'unix') return [unixEnd, unixEnd];
  if (family === 'ipv4') {
    return [
      { address: bytes.subarray(at, at + 4).join('.'), port: bytes.readUInt16BE(at + 8) },
      { address: bytes.subarray(at + 4, at + 8).join('.'), port: bytes.readUInt16BE(at + 10) },
    ];
  }
  return [
    { address: ipv6At(bytes, at), port: bytes.readUInt16BE(at + 32) },
    { address: ipv6At(bytes, at + 16), port: bytes.readUInt16BE(at + 34) },
  ];
}

/** The whole header is there. */
function parseWhole(header: Buffer, command: number, family: Family | undefined): ParsedProxyHeader {
  const block = family === undefined ? 0 : addressBytes[family];
  const isShort = header.length < fixedBytes + block;
  if (command === proxy && isShort) return invalid('the address block is too short');
  const lengthBytes = header.length;
  // LOCAL: what family says is ignored, and so is a block of none that we know (§2.2).
  if (family === undefined || isShort) {
    const nothing = { authority: null, alpn: null, uniqueId: null, ssl: null };
    return {
      kind: 'header',
      header: { version: 2, source: null, destination: null, ...nothing },
      lengthBytes,
    };
  }
  const parsed = parseExtensions(header, fixedBytes + block);
  if (parsed.kind === 'invalid') return parsed;
  const [source, destination] = command === proxy ? readEndpoints(family, header) : [null, null];
  return { kind: 'header', header: { version: 2, source, destination, ...parsed.extensions }, lengthBytes };
}

/** `bytesMax`: headers beyond it are refused before they are read. */
export function parseProxyV2(bytes: Buffer, bytesMax: number): ParsedProxyHeader {
  const compared = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, compared).equals(signature.subarray(0, compared))) return invalid('no signature');
  if (bytes.length > 12 && bytes.readUInt8(12) >> 4 !== 2) return invalid('the version is not 2');
  if (bytes.length < fixedBytes) return more;
  const command = bytes.readUInt8(12) & 0x0f;
  if (command !== local && command !== proxy) return invalid(`the command ${command} is unknown`);
  const family = families.get(bytes.readUInt8(13));
  if (family === undefined && command === proxy) return invalid('the family is unknown');
  const length = fixedBytes + bytes.readUInt16BE(14);
  if (length > bytesMax) return invalid(`the header is longer than ${bytesMax} octets`);
  return bytes.length < length ? more : parseWhole(bytes.subarray(0, length), command, family);
}
