import { readFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { chmod, utimes } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { expect, it } from 'vitest';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { packArchive } from './archive.ts';
import { listArtifactEntries, noModules, type ArtifactSelection } from './artifact-entries.ts';

const selection = (workspace: string, more: Partial<ArtifactSelection> = {}): ArtifactSelection => ({
  workspace,
  appDir: '.',
  installDir: '.',
  include: [],
  excludes: [],
  assets: [],
  modules: noModules,
  ...more,
});

async function readArchive(file: string): Promise<{ header: Header; text: string }[]> {
  const entries: { header: Header; text: string }[] = [];
  const tar = createReadStream(file).pipe(createGunzip()).pipe(extract());
  for await (const entry of tar) {
    entries.push({ header: entry.header, text: await text(entry) });
  }
  return entries;
}

const tree = {
  'package.json': '{}',
  'bin/run*': '#!/bin/sh\n',
  'src/index.js': 'x',
  'src/link': '-> index.js',
  [`deep/${'long-name/'.repeat(20)}file.txt`]: 'long',
  'ünïcode/ß.txt': 'u',
};

it('gives equal bytes for equal trees, whatever their times, umask and place', async () => {
  await using a = await openTempDirectory();
  await using b = await openTempDirectory('tako-cli-another-');
  await a.write(tree);
  await b.write(Object.fromEntries(Object.entries(tree).reverse()));
  await chmod(path.join(b.path, 'src/index.js'), 0o600);
  await chmod(path.join(b.path, 'bin/run'), 0o700);
  await utimes(path.join(b.path, 'src/index.js'), 1, 1);
  await using out = await openTempDirectory();
  const one = await packArchive(await listArtifactEntries(selection(a.path)), path.join(out.path, '1'));
  const two = await packArchive(await listArtifactEntries(selection(b.path)), path.join(out.path, '2'));
  expect(two).toEqual(one);
  const bytes = await readFile(path.join(out.path, '1'));
  expect(await readFile(path.join(out.path, '2'))).toEqual(bytes);
  expect(bytes.length).toBe(one.sizeBytes);
  // RFC 1952: no time, unknown system.
  expect([...bytes.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
});

it('keeps the executable bit, links and long and non-ASCII names, and no owner or time', async () => {
  await using dir = await openTempDirectory();
  await dir.write(tree);
  await using out = await openTempDirectory();
  const file = path.join(out.path, 'a.tar.gz');
  await packArchive(await listArtifactEntries(selection(dir.path)), file);
  const entries = await readArchive(file);
  const names = entries.map(({ header }) => header.name);
  const bare = names.map((name) => name.replace(/\/$/, ''));
  expect(bare).toEqual([...bare].sort((x, y) => (x < y ? -1 : 1)));
  expect(names).toContain(`deep/${'long-name/'.repeat(20)}file.txt`);
  expect(entries.find(({ header }) => header.name === 'ünïcode/ß.txt')?.text).toBe('u');
  expect(entries.find(({ header }) => header.name === 'bin/run')?.header.mode).toBe(0o755);
  expect(entries.find(({ header }) => header.name === 'src/link')?.header).toMatchObject({
    type: 'symlink',
    linkname: 'index.js',
  });
  for (const { header } of entries) {
    expect(header).toMatchObject({ uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(1000) });
  }
});

it('leaves out node_modules and what is excluded, keeps what is included and what an install needs', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'package.json': '{}',
    'package-lock.json': '{}',
    'node_modules/a/x.js': '',
    'apps/web/node_modules/b.js': '',
    'apps/web/package.json': '{}',
    'apps/web/dist/server.js': '',
    'apps/web/dist/server.js.map': '',
    'apps/web/src/server.ts': '',
    '.env': 'X=1',
  });
  const names = async (more: Partial<ArtifactSelection>): Promise<string[]> =>
    (await listArtifactEntries(selection(dir.path, { appDir: 'apps/web', ...more })))
      .filter((entry) => entry.kind === 'file')
      .map((entry) => entry.name);
  expect(await names({ excludes: [{ base: 'apps/web', patterns: ['*.map', 'src'] }] })).toEqual([
    'apps/web/dist/server.js',
    'apps/web/package.json',
    'package-lock.json',
    'package.json',
  ]);
  expect(await names({ include: ['dist/*.js'] })).toEqual([
    'apps/web/dist/server.js',
    'apps/web/package.json',
    'package-lock.json',
    'package.json',
  ]);
});

it('merges assets into public, later ones winning, and names a directory that is not there', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'web/public/a.txt': 'public a',
    'web/public/b.txt': 'public b',
    'web/dist/client/a.txt': 'client a',
    'web/dist/client/deep/c.txt': 'client c',
  });
  const entries = await listArtifactEntries(
    selection(dir.path, { appDir: 'web', assets: ['public', 'dist/client'] }),
  );
  const from = Object.fromEntries(entries.map((entry) => [entry.name, path.relative(dir.path, entry.from)]));
  expect(from).toMatchObject({
    'web/public/a.txt': 'web/dist/client/a.txt',
    'web/public/b.txt': 'web/public/b.txt',
    'web/public/deep/c.txt': 'web/dist/client/deep/c.txt',
    'web/dist/client/a.txt': 'web/dist/client/a.txt',
  });
  await expect(listArtifactEntries(selection(dir.path, { assets: ['gone'] }))).rejects.toMatchObject({
    code: 'ASSETS_NOT_FOUND',
  });
});

it('refuses a symlink that the build made out of the workspace', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'out/link': '-> /etc/passwd' });
  await expect(listArtifactEntries(selection(dir.path))).rejects.toMatchObject({
    code: 'SOURCE_LINK_REFUSED',
  });
});
