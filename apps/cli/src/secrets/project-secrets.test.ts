import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openTempDirectory } from '../testing/temp-directory.ts';
import {
  exportProjectKey,
  importProjectKey,
  openEnvironmentSecrets,
  rotateProjectKey,
  setProjectSecret,
  type SecretsPlace,
} from './project-secrets.ts';

const placeIn = (dir: string, keys = 'keys'): SecretsPlace => ({
  file: path.join(dir, '.tako', 'secrets'),
  keys: { directory: path.join(dir, keys), app: 'demo', env: 'production' },
});
const set = (place: SecretsPlace, name: string, value: string): Promise<unknown> =>
  setProjectSecret(place, { name, value, passphrase: null });

it('keeps keys readable by their owner alone, whatever the umask', async () => {
  await using dir = await openTempDirectory('t-');
  const place = placeIn(dir.path);
  const umask = process.umask(0);
  try {
    await set(place, 'A', 'alpha');
    await rotateProjectKey(place, null);
  } finally {
    process.umask(umask);
  }
  expect((await stat(place.keys.directory)).mode & 0o777).toBe(0o700);
  for (const name of await readdir(place.keys.directory))
    expect((await stat(path.join(place.keys.directory, name))).mode & 0o777).toBe(0o600);
});

it('rotates to a key that opens everything, and the old one opens nothing of the new file', async () => {
  await using dir = await openTempDirectory('t-');
  const [mine, colleague] = [placeIn(dir.path), placeIn(dir.path, 'other-keys')];
  await set(mine, 'A', 'alpha');
  await set(mine, 'B', 'beta');
  await importProjectKey(colleague, await exportProjectKey(mine));
  const before = await readFile(mine.file, 'utf8');
  expect(await rotateProjectKey(mine, null)).toMatchObject({ names: ['A', 'B'] });
  expect(await openEnvironmentSecrets(mine)).toEqual({ A: 'alpha', B: 'beta' });
  await expect(openEnvironmentSecrets(colleague)).rejects.toMatchObject({ code: 'SECRETS_KEY_MISSING' });
  const after = await readFile(mine.file, 'utf8');
  for (const line of before.split('\n').filter((text) => /"(?:A|B|key_check)":/.test(text)))
    expect(after).not.toContain(line);
});

it('rotates with a passphrase, which is then what others import', async () => {
  await using dir = await openTempDirectory('t-');
  const [mine, colleague] = [placeIn(dir.path), placeIn(dir.path, 'other-keys')];
  await set(mine, 'A', 'alpha');
  await rotateProjectKey(mine, 'correct horse');
  await expect(importProjectKey(colleague, 'wrong horse')).rejects.toMatchObject({
    code: 'SECRETS_KEY_INVALID',
  });
  await importProjectKey(colleague, 'correct horse');
  expect(await openEnvironmentSecrets(colleague)).toEqual({ A: 'alpha' });
});

it('rotates nothing when one value cannot be opened', async () => {
  await using dir = await openTempDirectory('t-');
  const place = placeIn(dir.path);
  await set(place, 'A', 'alpha');
  await set(place, 'B', 'beta');
  const moved = (await readFile(place.file, 'utf8')).replace('"A"', '"C"');
  await dir.write({ '.tako/secrets': moved });
  const keys = await readdir(place.keys.directory);
  await expect(rotateProjectKey(place, null)).rejects.toMatchObject({ code: 'SECRET_NOT_OPENED' });
  expect(await readFile(place.file, 'utf8')).toBe(moved);
  expect(await readdir(place.keys.directory)).toEqual(keys);
});

it('leaves a file and its key, whenever a rotation is killed', { timeout: 60_000 }, async () => {
  await using dir = await openTempDirectory('t-');
  const place = placeIn(dir.path);
  await set(place, 'A', 'alpha');
  const fixture = path.resolve(import.meta.dirname, '../testing/fixtures/rotate-for-ever.ts');
  let rotated = 0;
  for (let kill = 0; kill < 5; kill += 1) {
    const child = spawn(
      process.execPath,
      ['--conditions=source', fixture, place.file, place.keys.directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    // Somewhere in the rotation that has begun since: the system decides where.
    for (let heard = 0; heard <= kill; heard += 1) await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    rotated += 1;
    expect(await openEnvironmentSecrets(place)).toEqual({ A: 'alpha' });
    const left = await readdir(path.dirname(place.file));
    expect(left).toContain('secrets');
  }
  expect(rotated).toBe(5);
});
