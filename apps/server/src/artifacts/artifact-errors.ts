// What can be wrong with the bytes of an artifact, said so that a person can act.
import { TakoError } from '@tako/config';

export function tooLarge(sha256: string, bytes: number, bytesMax: number): TakoError {
  return new TakoError(
    'ARTIFACT_TOO_LARGE',
    `Artifact ${sha256} has ${bytes} bytes or more; ${bytesMax} are allowed.`,
    {
      hint: 'Exclude what the app does not need at run time (`[build] exclude`).',
      details: { sha256, bytesMax },
    },
  );
}

export function hashMismatch(sha256: string, actual: string): TakoError {
  return new TakoError(
    'ARTIFACT_HASH_MISMATCH',
    `The bytes received as artifact ${sha256} have the SHA-256 ${actual}.`,
    {
      hint: 'They were damaged on the way or changed meanwhile; deploy again.',
      details: { sha256, actual },
    },
  );
}
