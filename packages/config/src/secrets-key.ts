// The key that seals one environment's secrets: made at random, or derived from a passphrase. Where it is cached is
// the caller's.
import { argon2, randomBytes } from 'node:crypto';
import { TakoError } from './tako-error.ts';

/** Spec 10. Memory in KiB: 64 MiB, 3 passes, 4 lanes (RFC 9106 §4, second recommended option). */
const argon2id = Object.freeze({ memory: 64 * 1024, passes: 3, parallelism: 4, tagLength: 32 });
const keyBytes = 32;
const saltBytes = 16;
/** Says what the text is to whoever finds it in a CI variable, and to scanners for leaked keys. */
const textPrefix = 'tako_key_v1_';

/** Never printed: `toString`, JSON and inspect show no byte of it. */
export class SecretsKey {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== keyBytes) throw keyInvalid(`a key has ${keyBytes} bytes, not ${bytes.length}`);
    this.#bytes = Buffer.from(bytes);
  }

  toString(): string {
    return '[secrets key]';
  }

  toJSON(): string {
    return this.toString();
  }

  /** A copy of the raw key, for a cipher. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** The one way to let the key out: for `tako secrets key export` and the key cache. */
  exportText(): string {
    return `${textPrefix}${this.#bytes.toString('base64url')}`;
  }
}

export function createSecretsKey(): SecretsKey {
  return new SecretsKey(randomBytes(keyBytes));
}

/** 16 random bytes in base64, for one environment's passphrase. */
export function createSalt(): string {
  return randomBytes(saltBytes).toString('base64');
}

/** Reads what `exportText` wrote; surrounding white space is forgiven. Errors: SECRETS_KEY_INVALID, never the text. */
export function parseSecretsKey(text: string): SecretsKey {
  const trimmed = text.trim();
  const encoded = trimmed.slice(textPrefix.length);
  const bytes = Buffer.from(encoded, 'base64url');
  if (
    !trimmed.startsWith(textPrefix) ||
    bytes.length !== keyBytes ||
    bytes.toString('base64url') !== encoded
  ) {
    throw keyInvalid('the text is not an exported key');
  }
  return new SecretsKey(bytes);
}

/**
 * Argon2id over the passphrase (NFC, so that one passphrase typed on two systems is one). Takes about 0.1 s and
 * 64 MiB in the thread pool. Errors: SECRETS_KEY_INVALID for an empty passphrase or a malformed salt.
 */
export async function deriveSecretsKey(passphrase: string, salt: string): Promise<SecretsKey> {
  if (passphrase === '') throw keyInvalid('the passphrase is empty');
  const nonce = Buffer.from(salt, 'base64');
  if (nonce.length !== saltBytes || nonce.toString('base64') !== salt)
    throw keyInvalid('the salt is not 16 bytes in base64');
  const message = Buffer.from(passphrase.normalize('NFC'));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  argon2('argon2id', { message, nonce, ...argon2id }, (error, derived) => {
    if (error) reject(error);
    else resolve(derived);
  });
  return new SecretsKey(await promise);
}

function keyInvalid(reason: string): TakoError {
  return new TakoError('SECRETS_KEY_INVALID', `this key cannot be used: ${reason}`, {
    hint: 'Ask a colleague for the passphrase, or for the output of: tako secrets key export',
  });
}
