// The keys of secrets on this machine: one file per environment's key, readable by its owner only from its first byte
// (spec 10). Knows nothing of values.
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseSecretsKey, writeFileAtomically, type SealedEnvironment, type SecretsKey } from '@tako/config';

export interface KeyPlace {
  readonly directory: string;
  readonly app: string;
  readonly env: string;
}

/** The check text tells one key of an environment from the next, so a rotated key is simply not found. */
function fileOf(place: KeyPlace, sealed: SealedEnvironment): string {
  const id = createHash('sha256').update(sealed.key_check).digest('hex').slice(0, 16);
  return path.join(place.directory, `${place.app}-${place.env}-${id}.key`);
}

/** Errors: SECRETS_KEY_INVALID for a damaged file. */
export async function readCachedKey(place: KeyPlace, sealed: SealedEnvironment): Promise<SecretsKey | null> {
  try {
    return parseSecretsKey(await readFile(fileOf(place, sealed), 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Created 0600, in a directory of 0700: there is no moment in which others may read it. */
export async function writeCachedKey(
  place: KeyPlace,
  sealed: SealedEnvironment,
  key: SecretsKey,
): Promise<string> {
  await mkdir(place.directory, { recursive: true, mode: 0o700 });
  const file = fileOf(place, sealed);
  await writeFileAtomically(file, `${key.exportText()}\n`, { mode: 0o600 });
  return file;
}
