import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  createSalt,
  createSecretsKey,
  deriveSecretsKey,
  parseSecretsKey,
  SecretsKey,
} from './secrets-key.ts';

const invalid = expect.objectContaining({ code: 'SECRETS_KEY_INVALID' });
const salt = Buffer.alloc(16, 7).toString('base64');

describe('deriveSecretsKey', () => {
  it('gives the key of today for ever: Argon2id, 64 MiB, 3 passes, 4 lanes', async () => {
    const key = await deriveSecretsKey('correct horse battery staple', salt);
    expect(key.exportText()).toBe('tako_key_v1_CxZ-IP-4ox916z5HGHK6CldH1W7ElNtb7LBxCBQb_yQ');
  });

  it('takes one passphrase in two spellings of Unicode for the same', async () => {
    const [composed, decomposed] = await Promise.all([
      deriveSecretsKey('caf\u00e9', salt),
      deriveSecretsKey('cafe\u0301', salt),
    ]);
    expect(composed.bytes()).toEqual(decomposed.bytes());
  });

  it('gives another key for another salt', async () => {
    const [one, other] = await Promise.all([
      deriveSecretsKey('x', salt),
      deriveSecretsKey('x', createSalt()),
    ]);
    expect(one.bytes()).not.toEqual(other.bytes());
  });

  it.each([
    ['', salt],
    ['x', ''],
    ['x', 'AAAA'],
    ['x', 'not base64 at all!!!!!!!'],
  ])('refuses passphrase %j with salt %j', async (passphrase, salt) => {
    await expect(deriveSecretsKey(passphrase, salt)).rejects.toThrow(invalid);
  });
});

describe('an exported key', () => {
  it('comes back as it went, white space around it forgiven', () => {
    const key = createSecretsKey();
    expect(parseSecretsKey(`\n ${key.exportText()} \n`).bytes()).toEqual(key.bytes());
  });

  it.each([
    ['', 'nothing'],
    ['tako_key_v1_', 'no key'],
    [createSecretsKey().exportText().slice(0, -1), 'a cut one'],
    [`${createSecretsKey().exportText()}A`, 'a longer one'],
    [createSecretsKey().exportText().replace('_v1_', '_v2_'), 'another version'],
    [`tako_key_v1_${'!'.repeat(43)}`, 'no base64url'],
  ])('is refused when it is %j (%s)', (text) => {
    expect(() => parseSecretsKey(text)).toThrow(invalid);
  });

  it('is not in the message about it', () => {
    const text = createSecretsKey().exportText().slice(0, -1);
    expect(() => parseSecretsKey(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(text.slice(14)) }),
    );
  });
});

describe('SecretsKey', () => {
  it('shows nothing of itself', () => {
    const key = createSecretsKey();
    const bytes = key.bytes();
    for (const shown of [
      String(key),
      JSON.stringify({ key }),
      inspect(key, { showHidden: true, depth: 9 }),
    ]) {
      expect(shown).not.toContain(bytes.toString('base64url'));
      expect(shown).not.toContain(bytes.toString('hex'));
    }
  });

  it('keeps its own copy of the bytes', () => {
    const bytes = Buffer.alloc(32, 1);
    const key = new SecretsKey(bytes);
    bytes.fill(2);
    key.bytes().fill(3);
    expect(key.bytes()).toEqual(Buffer.alloc(32, 1));
  });

  it.each([0, 16, 31, 33])('refuses %i bytes', (length) => {
    expect(() => new SecretsKey(new Uint8Array(length))).toThrow(invalid);
  });
});
