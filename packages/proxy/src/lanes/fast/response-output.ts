// What goes out to the client for one response: head and body gathered, so that a head and its first body bytes are
// one write, and large stretches of body written from the buffer they were read into. Knows no upstream.
import type { Socket } from 'node:net';

/** Bodies up to this are joined to what is gathered already; copying them costs less than a second buffer to write. */
const joinBytesMax = 16 * 1024;

/** The buffer that body bytes lie in. */
export interface BufferKeeper {
  /** The socket still refers to it: read elsewhere from now on. */
  readonly keepBuffer: () => void;
}

export class ResponseOutput {
  /** Data octets of the body given so far. */
  bodyBytes = 0;
  readonly #socket: Socket;
  readonly #encrypted: boolean;
  #chunked = false;
  /** The end of a chunk whose data was written through; it can wait for what comes next. */
  #owesLineEnd = false;
  #gathered = '';

  constructor(socket: Socket, encrypted: boolean) {
    this.#socket = socket;
    this.#encrypted = encrypted;
  }

  /** Whether the socket takes more at once. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  gather(text: string): void {
    this.#gathered += text;
  }

  frameInChunks(): void {
    this.#chunked = true;
  }

  /** Body data; framed where the response is chunked. */
  body(buffer: Buffer, start: number, end: number, keeper: BufferKeeper): void {
    const bytes = end - start;
    if (bytes === 0) return;
    this.bodyBytes += bytes;
    if (this.#chunked) this.#gathered += `${this.#lineEnd()}${bytes.toString(16)}\r\n`;
    if (this.#gathered.length + bytes <= joinBytesMax) {
      this.#gathered += buffer.latin1Slice(start, end);
      if (this.#chunked) this.#gathered += '\r\n';
      return;
    }
    this.#writeThrough(buffer.subarray(start, end), keeper);
    this.#owesLineEnd = this.#chunked;
  }

  lastChunk(trailerLines: string): void {
    if (this.#chunked) this.#gathered += `${this.#lineEnd()}0\r\n${trailerLines}\r\n`;
  }

  /** Writes what is gathered. */
  flush(): void {
    if (this.#gathered === '') return;
    const text = this.#gathered;
    this.#gathered = '';
    this.#socket.write(text, 'latin1');
  }

  #lineEnd(): string {
    if (!this.#owesLineEnd) return '';
    this.#owesLineEnd = false;
    return '\r\n';
  }

  #writeThrough(bytes: Buffer, keeper: BufferKeeper): void {
    const socket = this.#socket;
    const wasEmpty = socket.writableLength === 0;
    if (this.#gathered === '') {
      socket.write(bytes);
    } else {
      socket.cork();
      socket.write(this.#gathered, 'latin1');
      socket.write(bytes);
      socket.uncork();
      this.#gathered = '';
    }
    // A TLS socket with nothing before it has encrypted or copied the bytes already (tls_wrap.cc, DoWrite); a plain
    // one refers to what the kernel did not take.
    if (socket.writableLength > 0 && !(this.#encrypted && wasEmpty)) keeper.keepBuffer();
  }
}
