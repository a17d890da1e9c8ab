// A project's secrets file with the key of one environment: opened for a deploy or a sync, changed by set and rm.
// All or nothing; prints nothing.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  createSalt,
  createSecretsKey,
  deriveSecretsKey,
  emptySecretsFile,
  environmentOf,
  missingSecrets,
  openSecrets,
  parseSecretsFile,
  parseSecretsKey,
  removeSecret,
  rotateSecretsKey,
  secretNames,
  serializeSecretsFile,
  setSecret,
  TakoError,
  verifyKeyCheck,
  writeFileAtomically,
  type SealedEnvironment,
  type SecretsFile,
  type SecretsKey,
} from '@tako/config';
import { readCachedKey, writeCachedKey, type KeyPlace } from './key-cache.ts';

export interface SecretsPlace {
  readonly file: string;
  readonly keys: KeyPlace;
}

/** Errors: SECRETS_FILE_INVALID. */
export async function readSecretsFile(file: string): Promise<SecretsFile> {
  try {
    return parseSecretsFile(await readFile(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptySecretsFile;
    throw error;
  }
}

/**
 * Every value of the environment, or null when the file says nothing about it (then a server keeps what it has).
 * Errors: SECRETS_MISSING, SECRETS_KEY_MISSING, SECRETS_KEY_INVALID, SECRET_NOT_OPENED.
 */
export async function openEnvironmentSecrets(
  place: SecretsPlace,
): Promise<Readonly<Record<string, string>> | null> {
  const file = await readSecretsFile(place.file);
  const { env } = place.keys;
  requireNoneMissing(file, env);
  const sealed = environmentOf(file, env);
  if (sealed === null) return null;
  if (Object.keys(sealed.secrets).length === 0) return {};
  return openSecrets(file, env, await requireKey(place, sealed));
}

/** A name that another environment has and this one lacks (spec 10). Errors: SECRETS_MISSING. */
function requireNoneMissing(file: SecretsFile, env: string): void {
  const names = missingSecrets(file, env);
  const [first] = names;
  if (first === undefined) return;
  const lines = names.map(({ name, presentIn }) => `  ${name} (set in ${presentIn.join(', ')})`);
  throw new TakoError(
    'SECRETS_MISSING',
    `the environment "${env}" lacks secrets that others have:\n${lines.join('\n')}`,
    {
      hint: `Set each of them: tako secrets set ${first.name} --env ${env}`,
      details: { env, names: names.map(({ name }) => name) },
    },
  );
}

/** Errors: SECRETS_KEY_MISSING. */
export async function requireKey(place: SecretsPlace, sealed: SealedEnvironment): Promise<SecretsKey> {
  const key = await readCachedKey(place.keys, sealed);
  if (key !== null) return key;
  const { env } = place.keys;
  throw new TakoError('SECRETS_KEY_MISSING', `the key of the secrets of "${env}" is not on this machine`, {
    hint: `Import it: tako secrets key import --env ${env} (${sealed.salt === null ? 'from a colleague\'s "tako secrets key export"' : 'with the passphrase'}; in CI pipe it into the command)`,
    details: { env },
  });
}

export interface SetOutcome {
  /** The environment's first secret made a key. */
  readonly keyCreated: boolean;
  readonly keyFile: string | null;
}

/**
 * Seals a value into the file. The first one makes the key: from the passphrase when there is one, else at random.
 * Errors: SECRETS_KEY_MISSING, NAME_INVALID, SECRETS_FILE_INVALID.
 */
export async function setProjectSecret(
  place: SecretsPlace,
  secret: { name: string; value: string; passphrase: string | null },
): Promise<SetOutcome> {
  const file = await readSecretsFile(place.file);
  const { env } = place.keys;
  const sealed = environmentOf(file, env);
  const keyed =
    sealed === null
      ? await createKey(secret.passphrase)
      : { key: await requireKey(place, sealed), salt: sealed.salt };
  const changed = setSecret(file, { env, name: secret.name, value: secret.value }, keyed);
  const after = environmentOf(changed, env);
  // The key first: a sealed value whose key was never kept would be lost.
  const keyFile =
    sealed === null && after !== null ? await writeCachedKey(place.keys, after, keyed.key) : null;
  await writeSecretsFile(place.file, changed);
  return { keyCreated: sealed === null, keyFile };
}

/** Errors: SECRET_NOT_FOUND, NAME_INVALID. */
export async function removeProjectSecret(place: SecretsPlace, name: string): Promise<void> {
  const file = await readSecretsFile(place.file);
  const changed = removeSecret(file, place.keys.env, name);
  if (changed === file) {
    throw new TakoError('SECRET_NOT_FOUND', `the environment "${place.keys.env}" has no secret ${name}`, {
      hint: `See: tako secrets ls --env ${place.keys.env}`,
    });
  }
  await writeSecretsFile(place.file, changed);
}

/** Takes an exported key or, for an environment sealed with one, the passphrase. Errors: SECRETS_KEY_INVALID. */
export async function importProjectKey(place: SecretsPlace, text: string): Promise<string> {
  const { env } = place.keys;
  const sealed = environmentOf(await readSecretsFile(place.file), env);
  if (sealed === null) {
    throw new TakoError(
      'SECRET_NOT_FOUND',
      `the environment "${env}" has no secrets yet, so there is no key to check`,
      {
        hint: `Set the first one: tako secrets set NAME --env ${env}`,
      },
    );
  }
  const trimmed = text.trim();
  const isExported = trimmed.startsWith('tako_key_');
  const key =
    isExported || sealed.salt === null
      ? parseSecretsKey(trimmed)
      : await deriveSecretsKey(trimmed, sealed.salt);
  verifyKeyCheck(key, env, sealed.key_check);
  return writeCachedKey(place.keys, sealed, key);
}

/** Errors: SECRET_NOT_FOUND, SECRETS_KEY_MISSING. */
export async function exportProjectKey(place: SecretsPlace): Promise<string> {
  const sealed = environmentOf(await readSecretsFile(place.file), place.keys.env);
  if (sealed === null) throw noSecrets(place.keys.env);
  return (await requireKey(place, sealed)).exportText();
}

export interface RotateOutcome {
  readonly names: readonly string[];
  readonly keyFile: string;
}

/**
 * Seals every value again under a new key: all of them, or the file stays as it is. The new key is kept before the file
 * that needs it, and the old one stays, so a crash between any two steps leaves a file and its key.
 * Errors: SECRET_NOT_FOUND, SECRETS_KEY_MISSING, SECRETS_KEY_INVALID, SECRET_NOT_OPENED.
 */
export async function rotateProjectKey(
  place: SecretsPlace,
  passphrase: string | null,
): Promise<RotateOutcome> {
  const file = await readSecretsFile(place.file);
  const { env } = place.keys;
  const sealed = environmentOf(file, env);
  if (sealed === null) throw noSecrets(env);
  const from = await requireKey(place, sealed);
  const to = await createKey(passphrase);
  const rotated = rotateSecretsKey(file, env, { from, to });
  const after = environmentOf(rotated, env);
  if (after === null) throw new Error('an environment was rotated away');
  const keyFile = await writeCachedKey(place.keys, after, to.key);
  await writeSecretsFile(place.file, rotated);
  return { names: secretNames(rotated, env), keyFile };
}

function noSecrets(env: string): TakoError {
  return new TakoError('SECRET_NOT_FOUND', `the environment "${env}" has no secrets, so it has no key`, {
    hint: `Set the first one: tako secrets set NAME --env ${env}`,
  });
}

async function createKey(passphrase: string | null): Promise<{ key: SecretsKey; salt: string | null }> {
  if (passphrase === null) return { key: createSecretsKey(), salt: null };
  const salt = createSalt();
  return { key: await deriveSecretsKey(passphrase, salt), salt };
}

async function writeSecretsFile(file: string, contents: SecretsFile): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomically(file, serializeSecretsFile(contents));
}
