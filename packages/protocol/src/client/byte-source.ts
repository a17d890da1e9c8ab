// A file's bytes in the order in which they are sent, handed out piece by piece: each piece is exactly as long as was
// announced, for what follows on its connection depends on it. Knows no network.
import type { Readable } from 'node:stream';

export interface ByteSource {
  /** So many of the next bytes. Ends early when there are no more. */
  take(bytes: number): AsyncGenerator<Uint8Array, void, void>;
  /** Whether the file has ended; reads on to know it. */
  isAtEnd(): Promise<boolean>;
  close(): void;
}

export function createByteSource(stream: Readable): ByteSource {
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  const fill = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  };
  return {
    async *take(bytes) {
      let left = bytes;
      while (left > 0 && (await fill())) {
        const chunk = rest.subarray(0, left);
        rest = rest.subarray(chunk.length);
        left -= chunk.length;
        yield chunk;
      }
    },
    isAtEnd: async () => !(await fill()),
    close: () => void stream.destroy(),
  };
}
