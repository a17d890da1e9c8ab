// Signs a DNS message with a shared key and checks the signature of its answer (RFC 8945). Pure.
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  dnsClass,
  dnsType,
  encodeName,
  encodeRecord,
  readMessage,
  responseCodeName,
  uint16,
} from './dns-message.ts';
import type { ReadRecord } from './dns-message.ts';

export type TsigAlgorithm = 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';

export interface TsigKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Buffer;
}

/** RFC 8945 §10: 300 s is recommended. */
const fudgeSeconds = 300;

const hashOf: Readonly<Record<TsigAlgorithm, string>> = {
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
};

function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

interface Variables {
  readonly timeSigned: number;
  readonly fudge: number;
  readonly error: number;
  readonly other: Buffer;
}

/** RFC 8945 §4.3.3. */
function encodeVariables(key: TsigKey, { timeSigned, fudge, error, other }: Variables): Buffer {
  return Buffer.concat([
    encodeName(key.name),
    uint16(dnsClass.ANY),
    Buffer.alloc(4),
    encodeName(key.algorithm),
    uint48(timeSigned),
    uint16(fudge),
    uint16(error),
    uint16(other.length),
    other,
  ]);
}

function macOf(key: TsigKey, parts: readonly Buffer[]): Buffer {
  return createHmac(hashOf[key.algorithm], key.secret).update(Buffer.concat(parts)).digest();
}

export interface SignedMessage {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/** Appends the TSIG record and counts it. */
export function signMessage(message: Buffer, key: TsigKey, nowMs: number): SignedMessage {
  const timeSigned = Math.floor(nowMs / 1_000);
  const variables = { timeSigned, fudge: fudgeSeconds, error: 0, other: Buffer.alloc(0) };
  const mac = macOf(key, [message, encodeVariables(key, variables)]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    uint48(timeSigned),
    uint16(fudgeSeconds),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ]);
  const record = encodeRecord({ name: key.name, type: dnsType.TSIG, class: dnsClass.ANY, ttl: 0, data });
  const bytes = Buffer.concat([message, record]);
  bytes.writeUInt16BE(bytes.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

function readTsig(record: ReadRecord): Variables & { mac: Buffer; originalId: number } {
  const { data } = record;
  let at = 0;
  while (data.readUInt8(at) !== 0) at += 1 + data.readUInt8(at);
  at += 1;
  const macLength = data.readUInt16BE(at + 8);
  const after = at + 10 + macLength;
  const otherLength = data.readUInt16BE(after + 4);
  return {
    timeSigned: data.readUIntBE(at, 6),
    fudge: data.readUInt16BE(at + 6),
    mac: data.subarray(at + 10, after),
    originalId: data.readUInt16BE(after),
    error: data.readUInt16BE(after + 2),
    other: data.subarray(after + 6, after + 6 + otherLength),
  };
}

/** Throws when the answer is not signed with the same key for this request, or says that ours was not. */
export function verifyAnswer(
  answer: Buffer,
  request: { readonly key: TsigKey; readonly mac: Buffer; readonly nowMs: number },
): void {
  const { key, mac, nowMs } = request;
  const record = readMessage(answer).additionals.findLast(({ type }) => type === dnsType.TSIG);
  if (record === undefined) throw new Error('the name server’s answer is not signed');
  const tsig = readTsig(record);
  // BADSIG and BADKEY come unsigned (RFC 8945 §5.2.1, §5.2.2).
  if (tsig.error !== 0 && tsig.mac.length === 0)
    throw new Error(`the name server does not take our signature (${responseCodeName(tsig.error)})`);
  const unsigned = Buffer.from(answer.subarray(0, record.start));
  unsigned.writeUInt16BE(unsigned.readUInt16BE(10) - 1, 10);
  unsigned.writeUInt16BE(tsig.originalId, 0);
  const expected = macOf(key, [uint16(mac.length), mac, unsigned, encodeVariables(key, tsig)]);
  if (expected.length !== tsig.mac.length || !timingSafeEqual(expected, tsig.mac))
    throw new Error('the name server’s answer has a wrong signature');
  if (tsig.error !== 0)
    throw new Error(
      `the name server does not take our signature (${responseCodeName(tsig.error)}): look at both clocks`,
    );
  if (Math.abs(nowMs / 1_000 - tsig.timeSigned) > tsig.fudge)
    throw new Error('the name server’s answer was signed at another time: look at both clocks');
}
