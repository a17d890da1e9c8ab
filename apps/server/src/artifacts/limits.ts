// Every bound of the artifact store.
import { protocolLimits } from '@tako/protocol';

export const artifactLimits = Object.freeze({
  bytesMax: protocolLimits.artifactBytesMax,
  /** Spec 30: so many times its size must be free (the artifact, the extracted release, its dependencies). */
  freeSpaceFactor: 3,
  /** An upload that nobody resumed for a day is not coming back. */
  partAgeMaxMs: 24 * 3_600_000,
  /** An upload that has brought nothing for so long gives way to another one of the same artifact. */
  silentAfterMs: 5000,
  /** Between an upload and its `prepare_release` no release refers to it yet. */
  unreferencedAgeMaxMs: 3_600_000,
  hashChunkBytes: 1024 * 1024,
});

export type ArtifactLimits = Readonly<Record<keyof typeof artifactLimits, number>>;
