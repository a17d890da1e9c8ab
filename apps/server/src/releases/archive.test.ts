import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayMount, smallFileSystem } from '../testing/small-file-system.ts';
import { type ArchiveEntry, writeArchive } from '../testing/tar-archive.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type ArchiveLimits, extractArchive } from './archive.ts';
import { releaseLimits } from './limits.ts';

const mountable = await mayMount();
const { signal } = new AbortController();

async function temporaryExtraction(entries: Iterable<ArchiveEntry>) {
  const base = await temporaryDirectory();
  const archive = path.join(base.path, 'artifact.tgz');
  const directory = path.join(base.path, 'outside', 'release');
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(base.path, 'outside', 'precious'), 'untouched');
  await writeArchive(archive, entries);
  return {
    archive,
    directory,
    extract: (limits?: Partial<ArchiveLimits>) =>
      extractArchive({ archive, directory, signal, limits: { ...releaseLimits, ...limits } }),
    /** Nothing beside the release directory was made or changed. */
    async assertContained() {
      expect((await readdir(path.join(base.path, 'outside'))).toSorted()).toEqual(['precious', 'release']);
      expect(await readFile(path.join(base.path, 'outside', 'precious'), 'utf8')).toBe('untouched');
      expect((await readdir(base.path)).toSorted()).toEqual(['artifact.tgz', 'outside']);
    },
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}

describe('extracting a release', () => {
  it('makes files, directories and inner links, with plain modes and the daemon’s own owner', async () => {
    await using fixture = await temporaryExtraction([
      { name: './', type: 'directory' },
      { name: './dist/', type: 'directory', mode: 0o700 },
      { name: './dist/server.js', body: 'serve()', mode: 0o4755, uid: 1234, gid: 1234 },
      { name: 'data/deep/plain.txt', body: randomBytes(200_000), mode: 0o600 },
      { name: 'current.js', type: 'symlink', linkname: 'dist/server.js' },
      { name: 'dist/up', type: 'symlink', linkname: '../data' },
      { name: 'hard.js', type: 'link', linkname: 'dist/server.js' },
      { name: 'empty', body: '' },
    ]);
    expect(await fixture.extract()).toEqual({ entries: 8, bytes: 200_007 });
    const at = (name: string) => path.join(fixture.directory, name);
    expect(await readFile(at('current.js'), 'utf8')).toBe('serve()');
    expect(await readFile(at('hard.js'), 'utf8')).toBe('serve()');
    expect(await readlink(at('dist/up'))).toBe('../data');
    expect((await stat(at('dist/server.js'))).mode & 0o7777).toBe(0o755);
    expect((await stat(at('data/deep/plain.txt'))).mode & 0o7777).toBe(0o644);
    expect((await stat(at('dist'))).mode & 0o7777).toBe(0o755);
    expect((await lstat(at('dist/server.js'))).uid).toBe(process.getuid?.());
    await fixture.assertContained();
  });

  const file = (name: string): ArchiveEntry => ({ name, body: 'x' });
  const link = (name: string, linkname: string): ArchiveEntry => ({ name, type: 'symlink', linkname });
  const hard = (name: string, linkname: string): ArchiveEntry => ({ name, type: 'link', linkname });
  const hostile: readonly (readonly [string, string, readonly ArchiveEntry[]])[] = [
    ['an absolute path', 'ARCHIVE_PATH_REFUSED', [file('/tmp/tako-hostile')]],
    ['a path out', 'ARCHIVE_PATH_REFUSED', [file('../precious')]],
    ['a path out by way of a directory', 'ARCHIVE_PATH_REFUSED', [file('a/../../precious')]],
    ['a path that only looks out', 'ARCHIVE_PATH_REFUSED', [file('a/../b')]],
    ['a NUL in a PAX path', 'ARCHIVE_PATH_REFUSED', [{ name: `a\0b${'c'.repeat(120)}é`, body: 'x' }]],
    ['too long a path', 'ARCHIVE_PATH_REFUSED', [file('d/'.repeat(1024) + 'f')]],
    ['too long a name', 'ARCHIVE_PATH_REFUSED', [file('n'.repeat(256))]],
    ['the root as a file', 'ARCHIVE_PATH_REFUSED', [file('.')]],
    ['the same file twice', 'ARCHIVE_PATH_REFUSED', [file('a'), file('./a')]],
    ['a file that differs in case', 'ARCHIVE_PATH_REFUSED', [file('dir/README'), file('dir/readme')]],
    ['a directory that differs in case', 'ARCHIVE_PATH_REFUSED', [file('Dir/a'), file('dir/b')]],
    ['a name in another normal form', 'ARCHIVE_PATH_REFUSED', [file('\u00e9'), file('e\u0301')]],
    ['a file as a directory', 'ARCHIVE_PATH_REFUSED', [file('a'), file('a/b')]],
    ['a directory where a file is', 'ARCHIVE_PATH_REFUSED', [file('a'), { name: 'a', type: 'directory' }]],
    ['a file where a directory is', 'ARCHIVE_PATH_REFUSED', [file('a/b'), file('a')]],
    ['an absolute link', 'ARCHIVE_LINK_REFUSED', [link('a', '/etc/passwd')]],
    ['a link out', 'ARCHIVE_LINK_REFUSED', [link('a', '..')]],
    ['a link out from below', 'ARCHIVE_LINK_REFUSED', [link('d/a', '../../precious')]],
    ['a link out through a link', 'ARCHIVE_LINK_REFUSED', [link('a/b/s', '../..'), link('t', 'a/b/s/..')]],
    [
      'a link out through a later link',
      'ARCHIVE_LINK_REFUSED',
      [link('t', 'a/b/s/..'), link('a/b/s', '../..')],
    ],
    ['links in a circle', 'ARCHIVE_LINK_REFUSED', [link('a', 'b'), link('b', 'a')]],
    ['an empty link', 'ARCHIVE_LINK_REFUSED', [link('a', '')]],
    ['a file through a link', 'ARCHIVE_LINK_REFUSED', [file('d/x'), link('l', 'd'), file('l/y')]],
    [
      'a directory through a link',
      'ARCHIVE_LINK_REFUSED',
      [link('l', 'd'), { name: 'l/m', type: 'directory' }],
    ],
    ['a file over a link', 'ARCHIVE_PATH_REFUSED', [link('l', 'd'), file('l')]],
    ['a hard link out', 'ARCHIVE_PATH_REFUSED', [hard('h', '../precious')]],
    ['an absolute hard link', 'ARCHIVE_PATH_REFUSED', [hard('h', '/etc/passwd')]],
    ['a hard link to a symbolic one', 'ARCHIVE_LINK_REFUSED', [link('l', 'x'), hard('h', 'l')]],
    [
      'a hard link through a symbolic one',
      'ARCHIVE_LINK_REFUSED',
      [file('d/x'), link('l', 'd'), hard('h', 'l/x')],
    ],
    ['a hard link to nothing', 'ARCHIVE_LINK_REFUSED', [hard('h', 'later'), file('later')]],
    [
      'a character device',
      'ARCHIVE_ENTRY_REFUSED',
      [{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }],
    ],
    [
      'a block device',
      'ARCHIVE_ENTRY_REFUSED',
      [{ name: 'sda', type: 'block-device', devmajor: 8, devminor: 0 }],
    ],
    ['a FIFO', 'ARCHIVE_ENTRY_REFUSED', [{ name: 'pipe', type: 'fifo' }]],
    ['nothing at all', 'ARCHIVE_INVALID', []],
  ];
  it.each(hostile)('refuses %s with %s', async (_what, code, entries) => {
    await using fixture = await temporaryExtraction(entries);
    await expect(fixture.extract()).rejects.toMatchObject({ code });
    await fixture.assertContained();
  });

  it('allows exactly as many entries and bytes as the limits say', async () => {
    const entries = [file('a'), file('b'), { name: 'c', body: Buffer.alloc(98) }];
    await using fixture = await temporaryExtraction(entries);
    expect(await fixture.extract({ entriesMax: 3, unpackedBytesMax: 100 })).toEqual({
      entries: 3,
      bytes: 100,
    });
    await using over = await temporaryExtraction(entries);
    await expect(over.extract({ entriesMax: 2 })).rejects.toMatchObject({ code: 'ARCHIVE_TOO_MANY_ENTRIES' });
    await using large = await temporaryExtraction(entries);
    await expect(large.extract({ unpackedBytesMax: 99 })).rejects.toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
    });
  });

  it('cuts a gzip bomb at the limit, headers or none', async () => {
    await using fixture = await temporaryExtraction([file('a')]);
    const tar = gunzipSync(await readFile(fixture.archive));
    // The end of the archive, and then zeros without end: no entry ever says how many.
    await writeFile(fixture.archive, gzipSync(Buffer.concat([tar, Buffer.alloc(64 * 1024 * 1024)])));
    const limits = { unpackedBytesMax: 1024 * 1024, tarOverheadBytesMax: 1024 * 1024 };
    await expect(fixture.extract(limits)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
    await using big = await temporaryExtraction([{ name: 'zeros', body: Buffer.alloc(64 * 1024 * 1024) }]);
    await expect(big.extract(limits)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
  });

  it('says ARCHIVE_INVALID for one cut short anywhere, for garbage, and for a plain tar', async () => {
    await using fixture = await temporaryExtraction([file('a'), { name: 'b', body: randomBytes(5000) }]);
    const whole = await readFile(fixture.archive);
    const tar = gunzipSync(whole);
    const variants = {
      'gzip cut': whole.subarray(0, whole.length - 20),
      'tar cut in a body': gzipSync(tar.subarray(0, 512 * 3 + 700)),
      'tar cut in a header': gzipSync(tar.subarray(0, 700)),
      garbage: randomBytes(2000),
      'gzipped garbage': gzipSync(randomBytes(2000)),
      'plain tar': tar,
      empty: Buffer.alloc(0),
    };
    for (const [name, bytes] of Object.entries(variants)) {
      await using again = await temporaryExtraction([file('a')]);
      await writeFile(again.archive, bytes);
      const outcome = await again.extract().then(
        () => 'extracted',
        (error: { code: string }) => error.code,
      );
      expect([name, outcome]).toEqual([name, 'ARCHIVE_INVALID']);
    }
  });

  it('does not wait for the end of an entry without a readable size', async () => {
    await using fixture = await temporaryExtraction([file('a'), { name: 'h', type: 'link', linkname: 'a' }]);
    const tar = gunzipSync(await readFile(fixture.archive));
    // Base-256 is announced by 0x80 or 0xff (star(5)); 0xe8 is neither.
    tar[1024 + 124] = 0xe8;
    await writeFile(fixture.archive, gzipSync(fixChecksums(tar)));
    await expect(fixture.extract()).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  it('never leaves its directory and never hangs, whatever bytes of an archive are changed', async () => {
    await using original = await temporaryExtraction([
      file('a/b'),
      link('l', 'a'),
      { name: `${'long/'.repeat(40)}é`, body: randomBytes(300) },
      hard('h', 'a/b'),
    ]);
    const tar = gunzipSync(await readFile(original.archive));
    const change = fc.record({ at: fc.nat(tar.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        await using fixture = await temporaryExtraction([file('a')]);
        const bytes = Buffer.from(tar);
        for (const { at, byte } of changes) bytes[at] = byte;
        await writeFile(fixture.archive, gzipSync(fixChecksums(bytes), { level: 1 }));
        await fixture.extract().catch((error: unknown) => {
          expect(error).toMatchObject({ name: 'TakoError', code: expect.stringMatching(/^ARCHIVE_/) });
        });
        await fixture.assertContained();
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it('stops at the signal', async () => {
    await using fixture = await temporaryExtraction([file('a')]);
    const aborted = AbortSignal.abort(new Error('client went away'));
    const { archive, directory } = fixture;
    await expect(extractArchive({ archive, directory, signal: aborted })).rejects.toThrow('client went away');
  });

  it.skipIf(!mountable)('says DISK_FULL on a disk that fills up (needs root to mount)', async () => {
    await using disk = await smallFileSystem(256 * 1024);
    await using fixture = await temporaryExtraction([{ name: 'big', body: randomBytes(512 * 1024) }]);
    const extracting = extractArchive({ archive: fixture.archive, directory: disk.path, signal });
    await expect(extracting).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

/** Makes every 512-byte block that looks like a header valid again, so that changes get past the checksum. */
function fixChecksums(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    let sum = 8 * 32;
    for (let index = 0; index < 512; index += 1) {
      if (index < 148 || index >= 156) sum += tar[at + index] ?? 0;
    }
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
  return tar;
}
