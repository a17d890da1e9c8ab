// SHA-256 of a file, read in pieces, so that the event loop turns between them.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { artifactLimits } from './limits.ts';

/** Lower-case hex. Rejects with the signal's reason when aborted. */
export async function fileSha256(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(file, { highWaterMark: artifactLimits.hashChunkBytes, signal });
  try {
    for await (const chunk of stream) hash.update(chunk);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return hash.digest('hex');
}
