// Sealing of single secret values: AES-256-GCM bound to the environment and the name, so that a sealed value opens
// nowhere else (spec 10). Pure but for random nonces; knows no file.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { limits } from './limits.ts';
import { parseEnvName, parseSecretName } from './names.ts';
import type { SecretsKey } from './secrets-key.ts';
import { TakoError } from './tako-error.ts';

/** Where a sealed value belongs. */
export interface SecretPlace {
  readonly env: string;
  readonly name: string;
}

const nonceBytes = 12;
const tagBytes = 16;
/** Lower case, so that it can never be a secret's name. */
const keyCheckName = 'key_check';
const keyCheckText = 'tako';

/** base64(12-byte nonce ‖ ciphertext ‖ 16-byte tag). Errors: NAME_INVALID, SECRET_VALUE_INVALID. */
export function sealSecret(key: SecretsKey, place: SecretPlace, value: string): string {
  parseEnvName(place.env);
  parseSecretName(place.name);
  if (!value.isWellFormed()) throw valueInvalid(place, 'is not well-formed Unicode');
  if (Buffer.byteLength(value) > limits.secretValueBytesMax) {
    throw valueInvalid(place, `has more than ${limits.secretValueBytesMax} bytes`);
  }
  return seal(key, additionalData(place), value);
}

/** The plain value. Errors: SECRET_NOT_OPENED, naming the place and never the value. */
export function openSecret(key: SecretsKey, place: SecretPlace, sealed: string): string {
  const value = open(key, additionalData(place), sealed);
  if (value !== null) return value;
  throw new TakoError(
    'SECRET_NOT_OPENED',
    `the secret ${place.name} of ${place.env} cannot be opened with this key`,
    {
      hint: `Set it again: tako secrets set ${place.name} --env ${place.env}`,
      details: { env: place.env, names: [place.name] },
    },
  );
}

/** Seals a known text, so that a wrong key or passphrase is told before any secret is touched. */
export function createKeyCheck(key: SecretsKey, env: string): string {
  return seal(key, additionalData({ env: parseEnvName(env), name: keyCheckName }), keyCheckText);
}

/** Errors: SECRETS_KEY_INVALID when the key is not the one that made the check. */
export function verifyKeyCheck(key: SecretsKey, env: string, keyCheck: string): void {
  if (open(key, additionalData({ env, name: keyCheckName }), keyCheck) === keyCheckText) return;
  throw new TakoError(
    'SECRETS_KEY_INVALID',
    `the key or passphrase is not the one of the environment "${env}"`,
    {
      hint: `Try again, or import the right key: tako secrets key import --env ${env}`,
      details: { env },
    },
  );
}

/** True when the text could be a sealed value: canonical base64 of at least a nonce and a tag. */
export function isSealedText(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length >= nonceBytes + tagBytes && bytes.toString('base64') === text;
}

function additionalData(place: SecretPlace): Buffer {
  return Buffer.from(`tako:v1:${place.env}:${place.name}`);
}

function seal(key: SecretsKey, data: Buffer, value: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.bytes(), nonce, { authTagLength: tagBytes }).setAAD(data);
  return Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64',
  );
}

function open(key: SecretsKey, data: Buffer, sealed: string): string | null {
  if (!isSealedText(sealed)) return null;
  const bytes = Buffer.from(sealed, 'base64');
  const nonce = bytes.subarray(0, nonceBytes);
  const ciphertext = bytes.subarray(nonceBytes, -tagBytes);
  const decipher = createDecipheriv('aes-256-gcm', key.bytes(), nonce, { authTagLength: tagBytes })
    .setAAD(data)
    .setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
  } catch {
    // final() throws on a wrong tag and says nothing more; the caller names the place.
    return null;
  }
}

function valueInvalid(place: SecretPlace, reason: string): TakoError {
  return new TakoError('SECRET_VALUE_INVALID', `the value of ${place.name} ${reason}`, {
    hint: 'A secret is a text of at most 64 KiB; keep binary values in base64.',
  });
}
