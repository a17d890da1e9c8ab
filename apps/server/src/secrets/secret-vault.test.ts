import { copyFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { secretsDigest } from '@tako/config';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { deriveKey, openSecrets, sealSecrets } from './sealed-secrets.ts';
import { openSecretVault } from './secret-vault.ts';

async function temporaryVault() {
  const directory = await temporaryDirectory();
  const { log, lines } = recordingLog();
  const open = () => openSecretVault({ dataDir: directory.path, log });
  return {
    dataDir: directory.path,
    vault: await open(),
    open,
    lines,
    file: (id: string, name = 'secrets.json') => path.join(directory.path, 'apps', id, name),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Every byte of every file below. */
async function everything(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

const A = { DATABASE_URL: 'postgres://plain-value-a', EMPTY: '', EMOJI: '🐙' };
const B = { DATABASE_URL: 'postgres://plain-value-b' };

describe('the vault', () => {
  it('keeps staged secrets apart until they are committed', async () => {
    await using fixture = await temporaryVault();
    const { vault } = fixture;
    expect(await vault.read('web', 'current')).toEqual({});
    await vault.stage('web', A);
    expect(await vault.read('web', 'current')).toEqual({});
    expect(await vault.read('web', 'staged')).toEqual(A);
    await vault.commit('web');
    expect(await vault.read('web', 'current')).toEqual(A);
    await vault.stage('web', B);
    await vault.discard('web');
    await vault.discard('web');
    expect(await vault.read('web', 'current')).toEqual(A);
    expect(await vault.read('web', 'staged')).toEqual({});
  });

  it('is readable by the next daemon and by no other key', async () => {
    await using fixture = await temporaryVault();
    await fixture.vault.stage('web@staging', A);
    await fixture.vault.commit('web@staging');
    const next = await fixture.open();
    expect(await next.read('web@staging', 'current')).toEqual(A);
    expect(next.instanceToken('web-1')).toBe(fixture.vault.instanceToken('web-1'));
    expect(next.instanceToken('web-1')).toMatch(/^[0-9a-f]{64}$/);
    expect(next.instanceToken('web-2')).not.toBe(next.instanceToken('web-1'));
    await rm(path.join(fixture.dataDir, 'server.key'));
    const stranger = await fixture.open();
    await expect(stranger.read('web@staging', 'current')).rejects.toMatchObject({
      code: 'SECRETS_UNREADABLE',
    });
    expect(stranger.instanceToken('web-1')).not.toBe(next.instanceToken('web-1'));
  });

  it('never has a plain value on the disk: after stage, commit, rotate, discard, remove', async () => {
    await using fixture = await temporaryVault();
    const { vault, dataDir } = fixture;
    const check = async () => expect(await everything(dataDir)).not.toMatch(/plain-value|🐙/);
    await vault.stage('web', A);
    await check();
    await vault.commit('web');
    await check();
    await vault.stage('web', B);
    await check();
    await vault.discard('web');
    await vault.remove('web');
    await check();
    expect(await readdir(path.join(dataDir, 'apps', 'web'))).toEqual([]);
    await vault.remove('web');
    await vault.remove('never-there');
  });

  it('keeps key and files to the daemon', async () => {
    await using fixture = await temporaryVault();
    await fixture.vault.stage('web', A);
    const modeOf = async (file: string) => (await stat(file)).mode & 0o777;
    expect(await modeOf(path.join(fixture.dataDir, 'server.key'))).toBe(0o600);
    expect(await modeOf(fixture.file('web', 'secrets.json.next'))).toBe(0o600);
    await fixture.vault.commit('web');
    expect(await modeOf(fixture.file('web'))).toBe(0o600);
  });

  it('gives daemons that start at the same time one key', async () => {
    await using directory = await temporaryDirectory();
    const { log } = recordingLog();
    const vaults = await Promise.all(
      Array.from({ length: 8 }, () => openSecretVault({ dataDir: directory.path, log })),
    );
    expect(new Set(vaults.map((vault) => vault.instanceToken('x'))).size).toBe(1);
    expect(await readdir(directory.path)).toEqual(['server.key']);
  });

  it('refuses a key file that is no key', async () => {
    await using directory = await temporaryDirectory();
    await writeFile(path.join(directory.path, 'server.key'), 'short');
    const { log } = recordingLog();
    await expect(openSecretVault({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: 'SECRETS_UNREADABLE',
    });
  });

  it('opens no file that was moved from another deployment, and no changed one', async () => {
    await using fixture = await temporaryVault();
    await fixture.vault.stage('web', A);
    await fixture.vault.commit('web');
    await mkdir(path.dirname(fixture.file('other')));
    await copyFile(fixture.file('web'), fixture.file('other'));
    await expect(fixture.vault.read('other', 'current')).rejects.toMatchObject({
      code: 'SECRETS_UNREADABLE',
    });
    const text = await readFile(fixture.file('web'), 'utf8');
    await writeFile(fixture.file('web'), text.replace('DATABASE_URL', 'DATABASE_XYZ'));
    await expect(fixture.vault.read('web', 'current')).rejects.toMatchObject({ code: 'SECRETS_UNREADABLE' });
    await writeFile(fixture.file('web'), '{"version":1');
    await expect(fixture.vault.read('web', 'current')).rejects.toMatchObject({ code: 'SECRETS_UNREADABLE' });
  });

  it('makes no path of an id that is none', async () => {
    await using fixture = await temporaryVault();
    await expect(fixture.vault.stage('../../etc', A)).rejects.toMatchObject({ code: 'NAME_INVALID' });
  });

  describe('reconciles with the row', () => {
    it('nothing to do', async () => {
      await using fixture = await temporaryVault();
      expect(await fixture.vault.reconcile('web', secretsDigest({}))).toBe('current');
      await fixture.vault.stage('web', A);
      await fixture.vault.commit('web');
      expect(await fixture.vault.reconcile('web', secretsDigest(A))).toBe('current');
    });

    it('the row was committed, the rename was not', async () => {
      await using fixture = await temporaryVault();
      await fixture.vault.stage('web', A);
      expect(await fixture.vault.reconcile('web', secretsDigest(A))).toBe('committed');
      expect(await fixture.vault.read('web', 'current')).toEqual(A);
    });

    it('the rollout never committed', async () => {
      await using fixture = await temporaryVault();
      await fixture.vault.stage('web', A);
      await fixture.vault.commit('web');
      await fixture.vault.stage('web', B);
      expect(await fixture.vault.reconcile('web', secretsDigest(A))).toBe('discarded');
      expect(await fixture.vault.read('web', 'current')).toEqual(A);
      expect(await readdir(path.dirname(fixture.file('web')))).toEqual(['secrets.json']);
    });

    it('neither file is meant: said, and left as it is', async () => {
      await using fixture = await temporaryVault();
      await fixture.vault.stage('web', A);
      await fixture.vault.commit('web');
      expect(await fixture.vault.reconcile('web', secretsDigest(B))).toBe('mismatch');
      expect(await fixture.vault.read('web', 'current')).toEqual(A);
      expect(fixture.lines.at(-1)?.msg).toMatch(/not those of the last deploy/);
      expect(JSON.stringify(fixture.lines)).not.toContain('plain-value');
    });

    it('a staged file that cannot be opened goes; a crash’s temporary file, too', async () => {
      await using fixture = await temporaryVault();
      await fixture.vault.stage('web', A);
      await fixture.vault.commit('web');
      await writeFile(fixture.file('web', 'secrets.json.next'), 'garbage');
      await fixture.vault.stage('web', B);
      await rename(
        fixture.file('web', 'secrets.json.next'),
        fixture.file('web', '.secrets.json.next.0123456789ab.tmp'),
      );
      await writeFile(fixture.file('web', 'secrets.json.next'), 'garbage');
      await fixture.vault.reconcile('web', secretsDigest(A));
      expect(await readdir(path.dirname(fixture.file('web')))).toEqual(['secrets.json']);
    });
  });
});

describe('sealing', () => {
  it('gives back every set of well-formed values, and never the same text twice', () => {
    const key = deriveKey(Buffer.alloc(32, 7), 'seal');
    const set = fc.dictionary(
      fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(set, (secrets) => {
        const text = sealSecrets(key, 'web', secrets);
        expect(openSecrets(key, 'web', text)).toEqual(secrets);
        if (Object.keys(secrets).length > 0) expect(sealSecrets(key, 'web', secrets)).not.toBe(text);
      }),
    );
  });
});
