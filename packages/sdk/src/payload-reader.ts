// Takes the document from fd 3: only from a FIFO or a socket, then closes it. It keeps nothing; its caller asks once.
import fs from 'node:fs';
import process from 'node:process';
import { PAYLOAD_BYTES_MAX, PAYLOAD_WAIT_MS } from './limits.ts';
import { type Payload, parsePayload } from './payload.ts';

const PAYLOAD_FD = 3;
const POLL_MS = 5;

/**
 * The payload, or null when fd 3 is absent, not a FIFO or socket, or not ours: in a child that the app forked,
 * fd 3 is the IPC channel. Synchronous, because an app reads secrets while its modules load.
 * Throws when what is there is not the document.
 */
export function takePayload(): Payload | null {
  if (process.channel != null || !isPipeOrSocket(PAYLOAD_FD)) return null;
  try {
    return readPayload(PAYLOAD_FD);
  } finally {
    fs.closeSync(PAYLOAD_FD);
  }
}

function isPipeOrSocket(fd: number): boolean {
  try {
    const stats = fs.fstatSync(fd);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    // EBADF: there is no fd 3, so nobody gave us a payload.
    return false;
  }
}

function readPayload(fd: number): Payload {
  let received = new Uint8Array(0);
  const buffer = new Uint8Array(64 * 1024);
  const deadline = Date.now() + PAYLOAD_WAIT_MS;
  for (;;) {
    const count = readOnce(fd, buffer);
    if (count === 0)
      throw new Error(`fd 3 ended after ${received.length} bytes, before the document was whole`);
    if (count === null) {
      if (Date.now() > deadline)
        throw new Error(`fd 3 carried no whole document within ${PAYLOAD_WAIT_MS} ms`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
      continue;
    }
    if (received.length + count > PAYLOAD_BYTES_MAX)
      throw new Error(`fd 3 carries more than ${PAYLOAD_BYTES_MAX} bytes`);
    received = concat(received, buffer.subarray(0, count));
    const parsed = parsePayload(received);
    if (parsed.kind === 'complete') return parsed.payload;
  }
}

/** Bytes read; 0 at the end; null when there is nothing yet (an O_NONBLOCK description). */
function readOnce(fd: number, buffer: Uint8Array): number | null {
  try {
    return fs.readSync(fd, buffer, 0, buffer.length, null);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
    if (error instanceof Error && 'code' in error && error.code === 'EOF') return 0;
    throw error;
  }
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
