// One environment's secrets with their key: seal into the file, open from it, change the key. All or nothing: a value
// that cannot be opened stops the whole operation. Pure but for random nonces.
import { deepFreeze } from './deep-freeze.ts';
import { limits } from './limits.ts';
import { parseSecretName } from './names.ts';
import { createKeyCheck, openSecret, sealSecret, verifyKeyCheck } from './sealing.ts';
import {
  environmentOf,
  secretNames,
  withEnvironment,
  type SealedEnvironment,
  type SecretsFile,
} from './secrets-file.ts';
import type { SecretsKey } from './secrets-key.ts';
import { isTakoError, TakoError } from './tako-error.ts';

/** A key and the salt that its passphrase went with; null for a random key. */
export interface KeyWithSalt {
  readonly key: SecretsKey;
  readonly salt: string | null;
}

/**
 * Seals one value. The environment's first secret fixes its key: from then on another one is refused.
 * Errors: SECRETS_KEY_INVALID, NAME_INVALID, SECRET_VALUE_INVALID, SECRETS_FILE_INVALID (too many).
 */
export function setSecret(
  file: SecretsFile,
  place: { env: string; name: string; value: string },
  keyed: KeyWithSalt,
): SecretsFile {
  const { env, name, value } = place;
  const before = environmentOf(file, env) ?? openNewEnvironment(env, keyed);
  verifyKeyCheck(keyed.key, env, before.key_check);
  const secrets = { ...before.secrets, [name]: sealSecret(keyed.key, { env, name }, value) };
  if (Object.keys(secrets).length > limits.secretsPerEnvMax) {
    throw new TakoError(
      'SECRETS_FILE_INVALID',
      `the environment "${env}" would have more than ${limits.secretsPerEnvMax} secrets`,
      {
        hint: 'Remove those no longer used: tako secrets rm NAME',
      },
    );
  }
  return withEnvironment(file, env, { ...before, secrets });
}

/** Needs no key. A name that is not there changes nothing. Errors: NAME_INVALID. */
export function removeSecret(file: SecretsFile, env: string, name: string): SecretsFile {
  parseSecretName(name);
  const before = environmentOf(file, env);
  if (before === null || !Object.hasOwn(before.secrets, name)) return file;
  const { [name]: _, ...secrets } = before.secrets;
  return withEnvironment(file, env, { ...before, secrets });
}

/**
 * Every plain value of one environment, by name; empty when the file has no entry for it.
 * Errors: SECRETS_KEY_INVALID; SECRET_NOT_OPENED naming *all* values that would not open.
 */
export function openSecrets(
  file: SecretsFile,
  env: string,
  key: SecretsKey,
): Readonly<Record<string, string>> {
  const sealed = environmentOf(file, env);
  if (sealed === null) return Object.freeze({});
  verifyKeyCheck(key, env, sealed.key_check);
  const opened: Record<string, string> = {};
  const broken: string[] = [];
  for (const name of secretNames(file, env)) {
    try {
      opened[name] = openSecret(key, { env, name }, sealed.secrets[name] ?? '');
    } catch (error) {
      if (!isTakoError(error) || error.code !== 'SECRET_NOT_OPENED') throw error;
      broken.push(name);
    }
  }
  if (broken.length > 0) {
    throw new TakoError('SECRET_NOT_OPENED', `secrets of ${env} cannot be opened: ${broken.join(', ')}`, {
      hint: 'They were moved from another name or environment, or damaged. Take the file back from git, or set them again.',
      details: { env, names: broken },
    });
  }
  return Object.freeze(opened);
}

/** Seals every value of one environment again under another key. Errors: as `openSecrets`. */
export function rotateSecretsKey(
  file: SecretsFile,
  env: string,
  keys: { from: SecretsKey; to: KeyWithSalt },
): SecretsFile {
  const opened = openSecrets(file, env, keys.from);
  const secrets = Object.fromEntries(
    Object.entries(opened).map(([name, value]) => [name, sealSecret(keys.to.key, { env, name }, value)]),
  );
  return withEnvironment(file, env, { ...openNewEnvironment(env, keys.to), secrets });
}

function openNewEnvironment(env: string, keyed: KeyWithSalt): SealedEnvironment {
  return deepFreeze({ salt: keyed.salt, key_check: createKeyCheck(keyed.key, env), secrets: {} });
}
