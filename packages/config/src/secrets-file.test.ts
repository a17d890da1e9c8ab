import { describe, expect, it } from 'vitest';
import { openSecrets, removeSecret, rotateSecretsKey, setSecret } from './environment-secrets.ts';
import { createKeyCheck, sealSecret } from './sealing.ts';
import {
  emptySecretsFile,
  missingSecrets,
  parseSecretsFile,
  secretNames,
  serializeSecretsFile,
  withEnvironment,
  type SecretsFile,
} from './secrets-file.ts';
import { createSalt, createSecretsKey, deriveSecretsKey } from './secrets-key.ts';

const key = createSecretsKey();
const keyed = { key, salt: null };
const invalid = expect.objectContaining({ code: 'SECRETS_FILE_INVALID' });

function fileWith(values: Record<string, Record<string, string>>): SecretsFile {
  let file = emptySecretsFile;
  for (const [env, secrets] of Object.entries(values)) {
    for (const [name, value] of Object.entries(secrets)) file = setSecret(file, { env, name, value }, keyed);
  }
  return file;
}

describe('the secrets file', () => {
  it('has sorted keys and comes back as it went', () => {
    const file = fileWith({ staging: { B: '1', A: '2' }, production: { Z: '3' } });
    const text = serializeSecretsFile(file);
    expect(parseSecretsFile(text)).toEqual(file);
    expect(
      [...text.matchAll(/"(A|B|Z|envs|version|production|staging|key_check|salt|secrets)":/g)].map(
        (match) => match[1],
      ),
    ).toEqual([
      'envs',
      'production',
      'key_check',
      'salt',
      'secrets',
      'Z',
      'staging',
      'key_check',
      'salt',
      'secrets',
      'A',
      'B',
      'version',
    ]);
    expect(text.endsWith('}\n')).toBe(true);
    expect(serializeSecretsFile(parseSecretsFile(text))).toBe(text);
  });

  it('holds no plain value', () => {
    expect(serializeSecretsFile(fileWith({ production: { TOKEN: 'hunter2-hunter2' } }))).not.toContain(
      'hunter2',
    );
  });

  it('changes one line for one changed value', () => {
    const before = fileWith({ production: { A: '1', B: '2', C: '3' } });
    const after = setSecret(before, { env: 'production', name: 'B', value: 'new' }, keyed);
    const lines = serializeSecretsFile(before).split('\n');
    expect(
      serializeSecretsFile(after)
        .split('\n')
        .filter((line, index) => line !== lines[index]),
    ).toHaveLength(1);
  });

  const good = {
    salt: null,
    key_check: createKeyCheck(key, 'production'),
    secrets: { A: sealSecret(key, { env: 'production', name: 'A' }, '') },
  };
  it.each<[string, unknown, RegExp]>([
    ['another version', { version: 2, envs: {} }, /version: Invalid input: expected 1/],
    ['an unknown key', { version: 1, envs: {}, note: '' }, /Unrecognized key: "note"/],
    ['a wrong environment name', { version: 1, envs: { Prod: good } }, /envs\.Prod/],
    [
      'a wrong secret name',
      { version: 1, envs: { production: { ...good, secrets: { lower: good.key_check } } } },
      /secrets\.lower/,
    ],
    [
      'a reserved secret name',
      { version: 1, envs: { production: { ...good, secrets: { PORT: good.key_check } } } },
      /secrets\.PORT/,
    ],
    [
      'a plain value',
      { version: 1, envs: { production: { ...good, secrets: { A: 'hunter2' } } } },
      /envs\.production\.secrets\.A: a sealed value/,
    ],
    [
      'a wrong salt',
      { version: 1, envs: { production: { ...good, salt: 'AAAA' } } },
      /envs\.production\.salt/,
    ],
    [
      'no key check',
      { version: 1, envs: { production: { salt: null, secrets: {} } } },
      /envs\.production\.key_check/,
    ],
    ['a list', [], /expected object/],
  ])('is refused with %s', (_, value, message) => {
    expect(() => parseSecretsFile(JSON.stringify(value))).toThrow(invalid);
    expect(() => parseSecretsFile(JSON.stringify(value))).toThrow(message);
  });

  it('says that a text is not JSON, or has conflict markers', () => {
    expect(() => parseSecretsFile('', 'x/.tako/secrets')).toThrow(/^x\/\.tako\/secrets is not JSON/);
    expect(() => parseSecretsFile('{\n<<<<<<< HEAD\n}')).toThrow(/conflict markers of git/);
  });

  it('never shows a value that it refuses', () => {
    const value = { version: 1, envs: { production: { ...good, secrets: { A: 'hunter2' } } } };
    expect(() => parseSecretsFile(JSON.stringify(value))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('takes 500 secrets in an environment, and not one more', () => {
    const secrets = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [
        `S${index}`,
        sealSecret(key, { env: 'production', name: `S${index}` }, ''),
      ]),
    );
    const file = withEnvironment(emptySecretsFile, 'production', { ...good, secrets });
    expect(parseSecretsFile(serializeSecretsFile(file))).toEqual(file);
    expect(() => setSecret(file, { env: 'production', name: 'S500', value: '' }, keyed)).toThrow(invalid);
  });
});

describe('missingSecrets', () => {
  it('lists the names that other environments have', () => {
    const file = fileWith({
      production: { A: '1', B: '1' },
      staging: { B: '1', C: '1' },
      preview: { C: '1' },
    });
    expect(missingSecrets(file, 'production')).toEqual([{ name: 'C', presentIn: ['preview', 'staging'] }]);
    expect(missingSecrets(file, 'fresh').map((missing) => missing.name)).toEqual(['A', 'B', 'C']);
    expect(missingSecrets(emptySecretsFile, 'production')).toEqual([]);
  });

  it('takes no inherited property for an environment', () => {
    expect(secretNames(emptySecretsFile, 'constructor')).toEqual([]);
  });
});

describe('an environment\u2019s secrets', () => {
  it('open with their key, and only with it', () => {
    const file = fileWith({ production: { A: '1', B: 'zwei' }, staging: { A: '3' } });
    expect(openSecrets(file, 'production', key)).toEqual({ A: '1', B: 'zwei' });
    expect(() => openSecrets(file, 'production', createSecretsKey())).toThrow(
      expect.objectContaining({ code: 'SECRETS_KEY_INVALID' }),
    );
    expect(openSecrets(file, 'preview', key)).toEqual({});
  });

  it('open all or none, naming every one that does not', () => {
    const file = fileWith({ production: { A: '1', B: '2', C: '3' } });
    const sealed = file.envs['production']!;
    const moved = withEnvironment(file, 'production', {
      ...sealed,
      secrets: { ...sealed.secrets, A: sealed.secrets['B']!, B: sealed.secrets['A']! },
    });
    expect(() => openSecrets(moved, 'production', key)).toThrow(
      expect.objectContaining({
        code: 'SECRET_NOT_OPENED',
        message: 'secrets of production cannot be opened: A, B',
        details: { env: 'production', names: ['A', 'B'] },
      }),
    );
  });

  it('moved as a whole to another environment do not open there', () => {
    const file = fileWith({ staging: { A: '1' } });
    const moved = withEnvironment(file, 'production', file.envs['staging']!);
    expect(() => openSecrets(moved, 'production', key)).toThrow(
      expect.objectContaining({ code: 'SECRETS_KEY_INVALID' }),
    );
  });

  it('take a value under their own key only', () => {
    const file = fileWith({ production: { A: '1' } });
    const other = { key: createSecretsKey(), salt: null };
    expect(() => setSecret(file, { env: 'production', name: 'B', value: '' }, other)).toThrow(
      expect.objectContaining({ code: 'SECRETS_KEY_INVALID' }),
    );
    expect(
      openSecrets(setSecret(file, { env: 'staging', name: 'B', value: 'x' }, other), 'staging', other.key),
    ).toEqual({ B: 'x' });
  });

  it('lose a removed name, and nothing happens for one that is not there', () => {
    const file = fileWith({ production: { A: '1', B: '2' } });
    expect(openSecrets(removeSecret(file, 'production', 'A'), 'production', key)).toEqual({ B: '2' });
    expect(removeSecret(file, 'production', 'C')).toBe(file);
    expect(removeSecret(file, 'preview', 'A')).toBe(file);
    expect(() => removeSecret(file, 'production', 'a')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
  });

  it('keep their values under a new key, and leave the old one', async () => {
    const file = fileWith({ production: { A: '1', B: '2' }, staging: { A: '3' } });
    const salt = createSalt();
    const to = { key: await deriveSecretsKey('a passphrase', salt), salt };
    const rotated = rotateSecretsKey(file, 'production', { from: key, to });
    expect(openSecrets(rotated, 'production', to.key)).toEqual({ A: '1', B: '2' });
    expect(rotated.envs['production']!.salt).toBe(salt);
    expect(rotated.envs['staging']).toEqual(file.envs['staging']);
    expect(() => openSecrets(rotated, 'production', key)).toThrow(
      expect.objectContaining({ code: 'SECRETS_KEY_INVALID' }),
    );
  });

  it('stay as they are when one of them cannot be opened for the new key', () => {
    const file = fileWith({ production: { A: '1', B: '2' } });
    const sealed = file.envs['production']!;
    const moved = withEnvironment(file, 'production', { ...sealed, secrets: { A: sealed.secrets['B']! } });
    expect(() =>
      rotateSecretsKey(moved, 'production', { from: key, to: { key: createSecretsKey(), salt: null } }),
    ).toThrow(expect.objectContaining({ code: 'SECRET_NOT_OPENED' }));
  });
});
