// Writes PROXY protocol headers for tests, from the specification's layout and not from our parser.
import { isIPv6 } from 'node:net';

export interface HeaderInput {
  readonly source: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly tlvs?: readonly Buffer[];
}

const ends = (input: HeaderInput): readonly [string, number, number] => [
  input.destination ?? (isIPv6(input.source) ? '2001:db8::ff' : '192.0.2.255'),
  input.sourcePort ?? 56_324,
  input.destinationPort ?? 443,
];

export function headerV1(input: HeaderInput): Buffer {
  const [destination, sourcePort, destinationPort] = ends(input);
  const family = isIPv6(input.source) ? 'TCP6' : 'TCP4';
  return Buffer.from(
    `PROXY ${family} ${input.source} ${destination} ${sourcePort} ${destinationPort}\r\n`,
    'latin1',
  );
}

export function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export function rawV2(command: number, family: number, block: Buffer): Buffer {
  const fixed = Buffer.from([0x20 | command, family, block.length >> 8, block.length & 0xff]);
  return Buffer.concat([signature, fixed, block]);
}

function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [left = '', right] = address.split('::');
  const groups = (text: string | undefined): string[] =>
    text === undefined || text === '' ? [] : text.split(':');
  const [before, after] = [groups(left), groups(right)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.concat(
    [...before, ...zeros, ...after].map((group) => Buffer.from(group.padStart(4, '0'), 'hex')),
  );
}

const port = (number: number): Buffer => Buffer.from([number >> 8, number & 0xff]);

export function headerV2(input: HeaderInput): Buffer {
  const [destination, sourcePort, destinationPort] = ends(input);
  const addresses = [bytesOf(input.source), bytesOf(destination), port(sourcePort), port(destinationPort)];
  return rawV2(1, isIPv6(input.source) ? 0x21 : 0x11, Buffer.concat([...addresses, ...(input.tlvs ?? [])]));
}

/** The same with its checksum, made bit by bit. */
export function withChecksum(input: HeaderInput): Buffer {
  const header = headerV2({ ...input, tlvs: [...(input.tlvs ?? []), tlv(3, Buffer.alloc(4))] });
  header.writeUInt32BE(slowCrc32c(header), header.length - 4);
  return header;
}

function slowCrc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
