import { createDecipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyCheck, isSealedText, openSecret, sealSecret, verifyKeyCheck } from './sealing.ts';
import { createSecretsKey, parseSecretsKey } from './secrets-key.ts';

const key = createSecretsKey();
const env = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const name = fc
  .stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/)
  .filter((text) => text !== 'PORT' && text !== 'HOST' && !text.startsWith('TAKO_'));
const place = fc.record({ env, name });
const value = fc.string({ unit: 'binary' });
const notOpened = expect.objectContaining({ code: 'SECRET_NOT_OPENED' });

describe('a sealed secret', () => {
  it('opens to the value it was', () => {
    fc.assert(
      fc.property(place, value, (at, text) => {
        expect(openSecret(key, at, sealSecret(key, at, text))).toBe(text);
      }),
    );
  });

  it('opens under no other name and in no other environment', () => {
    fc.assert(
      fc.property(place, place, value, (from, to, text) => {
        fc.pre(from.env !== to.env || from.name !== to.name);
        const sealed = sealSecret(key, from, text);
        expect(() => openSecret(key, to, sealed)).toThrow(notOpened);
        expect(() => openSecret(key, { ...from, env: `${from.env}x` }, sealed)).toThrow(notOpened);
        expect(() => openSecret(key, { ...from, name: `${from.name}X` }, sealed)).toThrow(notOpened);
      }),
    );
  });

  it('opens with no other key', () => {
    const at = { env: 'production', name: 'TOKEN' };
    expect(() => openSecret(createSecretsKey(), at, sealSecret(key, at, 'x'))).toThrow(notOpened);
  });

  it('does not open when any byte of it changed or is missing', () => {
    const at = { env: 'production', name: 'TOKEN' };
    const bytes = Buffer.from(sealSecret(key, at, 'a value'), 'base64');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => openSecret(key, at, changed.toString('base64'))).toThrow(notOpened);
      expect(() => openSecret(key, at, bytes.subarray(0, index).toString('base64'))).toThrow(notOpened);
    }
  });

  it('never looks the same twice', () => {
    const at = { env: 'production', name: 'TOKEN' };
    expect(sealSecret(key, at, 'x')).not.toBe(sealSecret(key, at, 'x'));
  });

  it('is nonce, ciphertext and tag under "tako:v1:<env>:<NAME>", as documented', () => {
    const bytes = Buffer.from(sealSecret(key, { env: 'staging', name: 'API_KEY' }, 'plain'), 'base64');
    expect(bytes).toHaveLength(12 + 5 + 16);
    const decipher = createDecipheriv('aes-256-gcm', key.bytes(), bytes.subarray(0, 12))
      .setAAD(Buffer.from('tako:v1:staging:API_KEY'))
      .setAuthTag(bytes.subarray(-16));
    expect(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')).toBe(
      'plain',
    );
  });

  it('of an earlier day still opens', () => {
    const old = parseSecretsKey('tako_key_v1_CxZ-IP-4ox916z5HGHK6CldH1W7ElNtb7LBxCBQb_yQ');
    const sealed = 'n/uSko6pgW7DcBxBdcXF/+PMxPgdZVBTSxTHVOcR/qK9kQTnStzmQg==';
    expect(openSecret(old, { env: 'production', name: 'DATABASE_URL' }, sealed)).toBe('postgres://x');
  });

  it('may be empty, or of 64 KiB, and not one byte more', () => {
    const at = { env: 'production', name: 'TOKEN' };
    expect(openSecret(key, at, sealSecret(key, at, ''))).toBe('');
    const most = 'x'.repeat(64 * 1024);
    expect(openSecret(key, at, sealSecret(key, at, most))).toBe(most);
    expect(() => sealSecret(key, at, `${most}x`)).toThrow(
      expect.objectContaining({ code: 'SECRET_VALUE_INVALID' }),
    );
  });

  it('refuses a name that is none, or Tako\u2019s own, and a text that UTF-8 cannot hold', () => {
    expect(() => sealSecret(key, { env: 'production', name: 'lower' }, 'x')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
    expect(() => sealSecret(key, { env: 'production', name: 'TAKO_X' }, 'x')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
    expect(() => sealSecret(key, { env: 'Prod', name: 'A' }, 'x')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
    expect(() => sealSecret(key, { env: 'production', name: 'A' }, '\ud800')).toThrow(
      expect.objectContaining({ code: 'SECRET_VALUE_INVALID' }),
    );
  });

  it('is told from other text by its form', () => {
    expect(isSealedText(sealSecret(key, { env: 'production', name: 'A' }, ''))).toBe(true);
    for (const text of ['', 'plain', 'AAAA', ' '.repeat(60), `${'A'.repeat(40)}\n`])
      expect(isSealedText(text)).toBe(false);
  });
});

describe('the key check', () => {
  it('knows its key and its environment', () => {
    const check = createKeyCheck(key, 'staging');
    expect(() => verifyKeyCheck(key, 'staging', check)).not.toThrow();
    const invalid = expect.objectContaining({ code: 'SECRETS_KEY_INVALID' });
    expect(() => verifyKeyCheck(createSecretsKey(), 'staging', check)).toThrow(invalid);
    expect(() => verifyKeyCheck(key, 'production', check)).toThrow(invalid);
    expect(() => verifyKeyCheck(key, 'staging', 'rubbish')).toThrow(invalid);
  });
});
