// An ArtifactReceiver in memory, for tests: appends, verifies, and can be told to be slow or to refuse.
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { TakoError } from '@tako/config';
import type { ArtifactReceiver } from '../management-service.ts';

export interface MemoryArtifacts extends ArtifactReceiver {
  readonly held: Map<string, Buffer>;
  /** Emits `chunk` (bytes held) after each piece and `ended` (bytes held) after each `receive`. */
  readonly progress: EventEmitter;
  /** Awaited after each piece: a slow disk. */
  afterChunk: () => Promise<void>;
}

export function createMemoryArtifacts(): MemoryArtifacts {
  const held = new Map<string, Buffer>();
  const verified = new Set<string>();
  const progress = new EventEmitter();
  const artifacts: MemoryArtifacts = {
    held,
    progress,
    afterChunk: () => Promise.resolve(),
    offset: (sha256) =>
      Promise.resolve({ offsetBytes: held.get(sha256)?.length ?? 0, complete: verified.has(sha256) }),
    async receive(sha256, { offsetBytes, sizeBytes }, body) {
      const before = held.get(sha256) ?? Buffer.alloc(0);
      if (offsetBytes !== before.length) {
        throw new TakoError(
          'ARTIFACT_OUT_OF_ORDER',
          `the artifact continues at byte ${before.length}, not ${offsetBytes}`,
        );
      }
      const pieces = [before];
      let bytes = before.length;
      for await (const piece of body) {
        pieces.push(Buffer.from(piece));
        bytes += piece.length;
        progress.emit('chunk', bytes);
        await artifacts.afterChunk();
      }
      const whole = Buffer.concat(pieces);
      held.set(sha256, whole);
      const complete = whole.length === sizeBytes;
      if (complete && createHash('sha256').update(whole).digest('hex') !== sha256) {
        held.delete(sha256);
        throw new TakoError('ARTIFACT_HASH_MISMATCH', `the bytes are not those of ${sha256}`);
      }
      if (complete) verified.add(sha256);
      progress.emit('ended', whole.length);
      return { offsetBytes: whole.length, complete };
    },
  };
  return artifacts;
}
