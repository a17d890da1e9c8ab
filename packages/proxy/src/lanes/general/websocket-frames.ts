// Follows the frames of one direction of a WebSocket (RFC 6455 §5.2) without keeping them: only to know when the
// stream stands between two frames, where a control frame may be put in.

/** What is still needed of a header: 2 octets, 2 or 8 of length, 4 of mask. */
const headerMax = 14;

export class WebSocketFrames {
  readonly #header = Buffer.alloc(headerMax);
  #headerBytes = 0;
  #payloadLeft = 0;

  /** Between two frames; also before the first. */
  get isAtBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0;
  }

  push(chunk: Uint8Array): void {
    let index = 0;
    while (index < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - index);
        this.#payloadLeft -= skipped;
        index += skipped;
      } else {
        this.#header[this.#headerBytes] = chunk[index] ?? 0;
        this.#headerBytes += 1;
        index += 1;
        if (this.#headerBytes >= this.#headerLength()) this.#beginPayload();
      }
    }
  }

  #headerLength(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header[1] ?? 0;
    const lengthCode = second & 0x7f;
    return 2 + (lengthCode === 126 ? 2 : lengthCode === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4);
  }

  #beginPayload(): void {
    const lengthCode = (this.#header[1] ?? 0) & 0x7f;
    this.#headerBytes = 0;
    if (lengthCode < 126) this.#payloadLeft = lengthCode;
    else if (lengthCode === 126) this.#payloadLeft = this.#header.readUInt16BE(2);
    // Beyond 2^53 it is not exact: no connection lives to see the end of such a frame.
    else this.#payloadLeft = Number(this.#header.readBigUInt64BE(2));
  }
}

/** Close frame 1001, "going away" (RFC 6455 §7.4.1), as a server sends it. */
export const closeFrameToClient: Buffer = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** The same as a client sends it: masked (§5.3). */
export function closeFrameToServer(mask: Uint8Array): Buffer {
  return Buffer.from([0x88, 0x82, ...mask.subarray(0, 4), 0x03 ^ (mask[0] ?? 0), 0xe9 ^ (mask[1] ?? 0)]);
}
