// HTTP/2 by hand (RFC 9113 §4): frames as bytes, for what no well-behaved client sends, and frames read back.
import { connect, type Socket } from 'node:net';

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 0x1;
export const endHeaders = 0x4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const headBytes = 9;
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2); names and values up to 126 octets. */
export function fieldBlock(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer =>
    Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

export const usualFields = (host: string, path = '/'): Record<string, string> => ({
  ':method': 'GET',
  ':scheme': 'http',
  ':path': path,
  ':authority': host,
});

/** The status of a response whose first field is an indexed `:status` (RFC 7541 appendix A); 0 for any other. */
export function indexedStatus(head: Frame | null): number {
  const statuses = [200, 204, 206, 304, 400, 404, 500];
  return statuses[((head?.payload[0] ?? 0) & 0x7f) - 8] ?? 0;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= headBytes) {
      const end = headBytes + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      frames.push({
        type: this.#rest[3] ?? 0,
        flags: this.#rest[4] ?? 0,
        stream: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.#rest.subarray(headBytes, end)),
      });
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }
}

export class RawHttp2Client {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  ended = false;
  readonly #reader = new FrameReader();
  #listeners = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => this.#finish());
    socket.on('close', () => this.#finish());
  }

  /** With preface and empty SETTINGS sent, as any client begins. */
  static async open(port: number): Promise<RawHttp2Client> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new RawHttp2Client(socket);
    socket.write(Buffer.concat([Buffer.from(preface, 'latin1'), frame(frameType.settings, 0, 0)]));
    return client;
  }

  /** False once the connection is over. */
  send(...frames: readonly Buffer[]): boolean {
    if (this.ended || this.socket.destroyed) return false;
    this.socket.write(Buffer.concat(frames));
    return true;
  }

  /** The first frame of that type, received already or yet to come; null where the connection ends without. */
  async receives(type: number, fits: (frame: Frame) => boolean = () => true): Promise<Frame | null> {
    return await new Promise((resolve) => {
      const look = (): void => {
        const found = this.frames.find((each) => each.type === type && fits(each));
        if (found === undefined && !this.ended) return;
        this.#listeners.delete(look);
        resolve(found ?? null);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** The error code of GOAWAY (§6.8), once the connection is over; null without one. */
  async goawayCode(): Promise<number | null> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.ended) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
    const goaway = this.frames.find((each) => each.type === frameType.goaway);
    return goaway === undefined ? null : goaway.payload.readUInt32BE(4);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.frames.push(...this.#reader.push(chunk));
    for (const look of this.#listeners) look();
  }

  #finish(): void {
    this.ended = true;
    for (const look of this.#listeners) look();
  }
}
