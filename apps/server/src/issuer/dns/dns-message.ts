// DNS messages as far as an UPDATE and its answer need them (RFC 1035 §4.1, RFC 2136 §2). Pure.

export const dnsType = Object.freeze({ SOA: 6, TXT: 16, TSIG: 250 });
export const dnsClass = Object.freeze({ IN: 1, NONE: 254, ANY: 255 });
export const opcode = Object.freeze({ QUERY: 0, UPDATE: 5 });

/** RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 8945 §3. */
const responseCodes: Readonly<Record<number, string>> = {
  0: 'NOERROR',
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
  16: 'BADSIG',
  17: 'BADKEY',
  18: 'BADTIME',
};

export const responseCodeName = (code: number): string => responseCodes[code] ?? `RCODE ${code}`;

/** Uncompressed, lower case (RFC 8945 §4.3.3: names in a signature are canonical). */
export function encodeName(name: string): Buffer {
  const parts: Buffer[] = [];
  for (const label of name.toLowerCase().replace(/\.$/, '').split('.').filter(Boolean)) {
    const bytes = Buffer.from(label, 'latin1');
    if (bytes.length > 63) throw new RangeError(`the label ${label} of ${name} has more than 63 bytes`);
    parts.push(Buffer.of(bytes.length), bytes);
  }
  return Buffer.concat([...parts, Buffer.of(0)]);
}

export const uint16 = (value: number): Buffer => Buffer.of((value >> 8) & 0xff, value & 0xff);

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly data: Buffer;
}

export function encodeRecord(record: ResourceRecord): Buffer {
  return Buffer.concat([
    encodeName(record.name),
    uint16(record.type),
    uint16(record.class),
    uint32(record.ttl),
    uint16(record.data.length),
    record.data,
  ]);
}

/** RFC 1035 §3.3.14; a challenge's value (43 characters) is one string. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length > 255) throw new RangeError('a TXT string has at most 255 bytes');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

export interface Header {
  readonly id: number;
  readonly opcode: number;
  /** Question or zone, answer or prerequisite, authority or update, additional. */
  readonly counts: readonly [number, number, number, number];
}

export function encodeHeader({ id, opcode: code, counts }: Header): Buffer {
  return Buffer.concat([uint16(id), uint16(code << 11), ...counts.map(uint16)]);
}

export interface ReadRecord extends ResourceRecord {
  /** Where it begins in the message. */
  readonly start: number;
}

export interface ReadMessage {
  readonly id: number;
  readonly responseCode: number;
  readonly answers: readonly ReadRecord[];
  readonly authorities: readonly ReadRecord[];
  readonly additionals: readonly ReadRecord[];
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** Compressed names, too (RFC 1035 §4.1.4); pointers only go backwards, so that none goes in circles. */
function readName(cursor: Cursor): string {
  const labels: string[] = [];
  let { at } = cursor;
  let end: number | null = null;
  let lowest = at;
  for (;;) {
    const length = cursor.bytes.readUInt8(at);
    if (length === 0) break;
    if ((length & 0xc0) === 0xc0) {
      const target = cursor.bytes.readUInt16BE(at) & 0x3fff;
      if (target >= lowest) throw new RangeError('a compressed name points forwards');
      end ??= at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (length > 63) throw new RangeError('a label has more than 63 bytes');
    labels.push(cursor.bytes.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  cursor.at = end ?? at + 1;
  return labels.join('.').toLowerCase();
}

function readRecord(cursor: Cursor): ReadRecord {
  const start = cursor.at;
  const name = readName(cursor);
  const { bytes, at } = cursor;
  const length = bytes.readUInt16BE(at + 8);
  const data = bytes.subarray(at + 10, at + 10 + length);
  if (data.length < length) throw new RangeError('a record ends behind the message');
  cursor.at = at + 10 + length;
  return {
    start,
    name,
    type: bytes.readUInt16BE(at),
    class: bytes.readUInt16BE(at + 2),
    ttl: bytes.readUInt32BE(at + 4),
    data,
  };
}

/** Throws RangeError for anything that is not a whole message. */
export function readMessage(bytes: Buffer): ReadMessage {
  const count = (at: number): number => bytes.readUInt16BE(at);
  const cursor: Cursor = { bytes, at: 12 };
  for (let left = count(4); left > 0; left -= 1) {
    readName(cursor);
    cursor.at += 4;
  }
  const section = (records: number): ReadRecord[] =>
    Array.from({ length: records }, () => readRecord(cursor));
  const answers = section(count(6));
  const authorities = section(count(8));
  const additionals = section(count(10));
  return { id: count(0), responseCode: count(2) & 0x0f, answers, authorities, additionals };
}
