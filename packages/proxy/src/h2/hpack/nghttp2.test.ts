// Against another implementation: nghttp2, as the client of node:http2, talks to a server of raw frames.
import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { HpackDecoder, HpackEncoder } from './index.ts';

const frameType = { data: 0, headers: 1, settings: 4, continuation: 9 };
const flagAck = 0x1;
const flagEndStream = 0x1;
const flagEndHeaders = 0x4;
const flagPadded = 0x8;
const flagPriority = 0x20;
const prefaceBytes = 24;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function encodeFrame({ type, flags, stream, payload }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function fieldBlock({ flags, payload }: Frame): Buffer {
  const start = (flags & flagPadded ? 1 : 0) + (flags & flagPriority ? 5 : 0);
  return payload.subarray(start, payload.length - (flags & flagPadded ? (payload[0] ?? 0) : 0));
}

interface Exchange {
  /** What the decoder makes of a request; null where it calls it malformed. */
  readonly received: (readonly string[] | null)[];
  readonly blocks: Buffer[];
  readonly session: http2.ClientHttp2Session;
}

/** A client and a server that answers each request with `respond`, after settings with the size of its table. */
async function connect(
  tableBytesMax: number,
  respond: () => Buffer,
  options?: http2.ClientSessionOptions,
): Promise<Exchange> {
  const received: (readonly string[] | null)[] = [];
  const blocks: Buffer[] = [];
  const server = net.createServer((socket) => {
    const decoder = new HpackDecoder({ tableBytesMax, sectionBytesMax: 64 * 1024, fieldsMax: 200 });
    let held: Buffer = Buffer.alloc(0);
    let at = prefaceBytes;
    let block: Buffer = Buffer.alloc(0);
    const send = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)) =>
      socket.write(encodeFrame({ type, flags, stream, payload }));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(1, 0);
    settings.writeUInt32BE(tableBytesMax, 2);
    send(frameType.settings, 0, 0, settings);
    const take = (frame: Frame) => {
      if (frame.type === frameType.settings && (frame.flags & flagAck) === 0)
        send(frameType.settings, flagAck, 0);
      if (frame.type === frameType.headers) block = Buffer.from(fieldBlock(frame));
      else if (frame.type === frameType.continuation) block = Buffer.concat([block, frame.payload]);
      else return;
      if ((frame.flags & flagEndHeaders) === 0) return;
      received.push(decoder.decode(block, 0, block.length)?.fields ?? null);
      blocks.push(block);
      send(frameType.headers, flagEndHeaders | flagEndStream, frame.stream, respond());
    };
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= at + 9 && held.length >= at + 9 + held.readUIntBE(at, 3)) {
        const length = held.readUIntBE(at, 3);
        const payload = held.subarray(at + 9, at + 9 + length);
        take({
          type: held[at + 3] ?? 0,
          flags: held[at + 4] ?? 0,
          stream: held.readUInt32BE(at + 5),
          payload,
        });
        at += 9 + length;
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const session = http2.connect(`http://127.0.0.1:${port}`, options);
  closers.push(() => {
    session.destroy();
    server.close();
  });
  return { received, blocks, session };
}

async function request(
  session: http2.ClientHttp2Session,
  fields: http2.OutgoingHttpHeaders,
): Promise<readonly string[]> {
  const stream = session.request(fields, { endStream: true });
  let raw: readonly string[] = [];
  stream.on('response', (_headers, _flags, rawHeaders: readonly string[]) => (raw = rawHeaders));
  stream.resume();
  await once(stream, 'close');
  return raw;
}

const pairs = (fields: readonly string[] | null | undefined) =>
  (fields ?? ['malformed'])
    .flatMap((name, index, all) => (index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : []))
    .sort();

/** Octets that a value may have, each amid text that the Huffman code makes shorter. */
const valueOctets = Array.from({ length: 256 }, (_, octet) => octet).filter(
  (octet) => octet >= 0x20 && octet !== 0x7f,
);
const valueWith = (octet: number) => `${'a'.repeat(40)}${String.fromCharCode(octet)}e`;

/** The fields of the n-th request: some always the same, some new, some come back after a time. */
function fieldsOf(turn: number): http2.OutgoingHttpHeaders {
  return {
    ':method': turn % 3 === 0 ? 'POST' : 'GET',
    ':path': turn % 4 === 0 ? '/' : `/path/${turn % 17}?q=${turn}`,
    ':authority': turn % 5 === 0 ? 'example.com' : 'www.example.com',
    ':scheme': 'http',
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
    'accept-language': `en-${turn % 7}`,
    authorization: `Bearer ${'s3cret'.repeat(turn % 9)}`,
    cookie: `session=${turn}`,
    'x-octet': valueWith(valueOctets[turn % valueOctets.length] ?? 0x20),
    [`x-name-${turn % 23}`]: 'v'.repeat((turn * 31) % 700),
    'x-empty': '',
    ...(turn % 29 === 0 ? { 'x-large': '{|}'.repeat(1_500 + turn) } : {}),
  };
}

it.each([
  ['4,096 octets', 4_096, {}],
  ['a small one', 300, {}],
  ['none', 0, {}],
  ['a large one', 16_384, { maxDeflateDynamicTableSize: 16_384 }],
])(
  'what nghttp2 encodes is decoded right, many requests on one connection: a table of %s',
  async (_, tableBytesMax, options) => {
    const encoder = new HpackEncoder();
    const { received, session } = await connect(tableBytesMax, () => encoder.status(204), options);
    const sent: string[][] = [];
    for (let turn = 0; turn < 400; turn += 1) {
      const fields = fieldsOf(turn);
      sent.push(pairs(Object.entries(fields).flat() as string[]));
      await request(session, fields);
    }
    expect(received).toHaveLength(sent.length);
    for (const [turn, fields] of received.entries()) expect(pairs(fields)).toEqual(sent[turn]);
  },
);

it('the same request again comes as a block of a few octets, and is the same answer', async () => {
  const encoder = new HpackEncoder();
  const { received, blocks, session } = await connect(4_096, () => encoder.status(204));
  for (let turn = 0; turn < 4; turn += 1)
    await request(session, { ':path': '/some/path', accept: 'text/html' });
  expect(received[3]).toBe(received[2]);
  expect(pairs(received[3])).toContain('accept: text/html');
  expect(blocks[3]?.length).toBeLessThan(30);
});

it('what the encoder writes is understood by nghttp2', async () => {
  const encoder = new HpackEncoder();
  const fields: [string, string][] = [
    ['content-type', 'text/html; charset=utf-8'],
    ['accept-encoding', 'gzip, deflate'],
    ['set-cookie', 'a=b; HttpOnly'],
    ['x-empty', ''],
    ['x-long', 'a, long value; '.repeat(200).trim()],
    ['x-braces', '{}'.repeat(70)],
    ['x-many-in-the-name', 'x'],
    ...valueOctets.map((octet): [string, string] => [`x-octet-${octet}`, valueWith(octet)]),
  ];
  const respond = () =>
    Buffer.concat([encoder.status(302), ...fields.map(([name, value]) => encoder.field(name, value))]);
  const { session } = await connect(4_096, respond, { maxHeaderListPairs: 512 });
  for (let turn = 0; turn < 3; turn += 1)
    expect(pairs(await request(session, {}))).toEqual(pairs([':status', '302', ...fields.flat()]));
});
