// Story: whoever can deploy sends an archive made to break out. Nothing is written outside, nothing half-made stays, the
// server says why, and the next deploy works.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../support/http-get.ts';
import { processFacts } from '../support/processes.ts';
import { type RunningServer, startServer } from '../support/start-server.ts';
import {
  type ArchiveEntry,
  type Artifact,
  artifactOf,
  behaviourEntries,
  deployed,
  hostOf,
  packArchive,
  prepareRelease,
} from '../support/test-release.ts';
import { settled } from './leftovers.ts';

const app = behaviourEntries('plain');
const mine = 'written by a hostile archive';
/** Where the hostile entries want to write. */
const outside = path.join(os.tmpdir(), `tako-outside-${process.pid}`);
const up = '../'.repeat(20);

const entries: readonly (readonly [string, string, readonly ArchiveEntry[]])[] = [
  ['an absolute path', 'ARCHIVE_PATH_REFUSED', [{ name: path.join(outside, 'a'), body: mine }]],
  ['a path upwards', 'ARCHIVE_PATH_REFUSED', [{ name: `${up}${outside}/b`, body: mine }]],
  ['a path upwards in the middle', 'ARCHIVE_PATH_REFUSED', [{ name: `x/../../..${outside}/c`, body: mine }]],
  ['a path beside the release', 'ARCHIVE_PATH_REFUSED', [{ name: '../v1/index.js', body: mine }]],
  [
    'a file through a link that leaves',
    'ARCHIVE_',
    [
      { name: 'out', type: 'symlink', linkname: outside },
      { name: 'out/d', body: mine },
    ],
  ],
  [
    'a link to an absolute path',
    'ARCHIVE_LINK_REFUSED',
    [{ name: 'out', type: 'symlink', linkname: '/etc' }],
  ],
  ['a link upwards', 'ARCHIVE_LINK_REFUSED', [{ name: 'out', type: 'symlink', linkname: up }]],
  [
    'a link that leaves in two steps',
    'ARCHIVE_LINK_REFUSED',
    [
      { name: 'a', type: 'symlink', linkname: '.' },
      { name: 'b', type: 'symlink', linkname: 'a/../..' },
    ],
  ],
  [
    'a hard link to a file of the server',
    'ARCHIVE_',
    [{ name: 'key', type: 'link', linkname: '../../../../server.key' }],
  ],
  [
    'a hard link to an absolute path',
    'ARCHIVE_',
    [{ name: 'passwd', type: 'link', linkname: '/etc/passwd' }],
  ],
  [
    'a hard link through a link',
    'ARCHIVE_',
    [
      { name: 'etc', type: 'symlink', linkname: '/etc' },
      { name: 'passwd', type: 'link', linkname: 'etc/passwd' },
    ],
  ],
  [
    'a character device',
    'ARCHIVE_ENTRY_REFUSED',
    [{ name: 'zero', type: 'character-device', devmajor: 1, devminor: 5 }],
  ],
  [
    'a block device',
    'ARCHIVE_ENTRY_REFUSED',
    [{ name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 }],
  ],
  ['a FIFO', 'ARCHIVE_ENTRY_REFUSED', [{ name: 'pipe', type: 'fifo' }]],
  [
    'a name twice',
    'ARCHIVE_',
    [
      { name: 'twice', body: 'one' },
      { name: 'twice', body: 'two' },
    ],
  ],
  ['a NUL in a name', 'ARCHIVE_', [{ name: 'x', pax: { path: 'index.js\0.txt' }, body: mine }]],
];

/** 5 GiB of zeros in 5 MB: one file whose header says so. */
function bomb(): Artifact {
  const size = 5 * 1024 ** 3;
  const header = tarHeader('bomb', size);
  const chunk = gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
  // Members of gzip one after another are one stream (RFC 1952 §2.2).
  return artifactOf(
    Buffer.concat([gzipSync(header), ...Array.from({ length: size / (64 * 1024 * 1024) }, () => chunk)]),
  );
}

/** The same folder 200,001 times: as many entries as a crowd of files has, without their inodes. */
function crowd(): Artifact {
  const header = tarHeader('folder/', 0, '5');
  return artifactOf(
    gzipSync(Buffer.concat([...Array.from({ length: 200_001 }, () => header), Buffer.alloc(1024)])),
  );
}

/** A ustar header: pax(1), "ustar Interchange Format". Sizes past 8 GiB need another form; these do not. */
function tarHeader(name: string, sizeBytes: number, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(sizeBytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

describe('prepare_release', () => {
  let server: RunningServer;
  let serverKey: Buffer;

  beforeAll(async () => {
    fs.mkdirSync(outside, { mode: 0o777 });
    fs.chmodSync(outside, 0o777);
    server = await startServer({ workers: 1 });
    serverKey = fs.readFileSync(path.join(server.dataDir, 'server.key'));
    await deployed(server.client, { version: 'v1' });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    fs.rmSync(outside, { recursive: true });
  });

  /** Nothing outside, nothing of v2, v1 as it was. */
  async function isUnharmed(): Promise<void> {
    expect(fs.readdirSync(outside)).toEqual([]);
    expect(fs.readdirSync(path.join(server.dataDir, 'apps/web/releases'))).toEqual(['v1']);
    expect(fs.readFileSync(path.join(server.dataDir, 'apps/web/releases/v1/index.js'), 'utf8')).not.toContain(
      mine,
    );
    expect(fs.readFileSync(path.join(server.dataDir, 'server.key'))).toEqual(serverKey);
    expect(fs.statSync(path.join(server.dataDir, 'server.key')).nlink).toBe(1);
    const releases = await server.client.api.releases.query({ deploymentId: 'web' });
    expect(releases.map(({ version }) => version)).toEqual(['v1']);
    expect(await ask({ port: server.httpPort, host: hostOf('web') })).toMatchObject({ version: 'v1' });
  }

  const refused = (archive: Artifact): Promise<string> =>
    prepareRelease(server.client, { version: 'v2', archive }).then(
      () => 'prepared',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    );

  test.each(entries)('refuses %s', async (_what, code, hostile) => {
    expect(await refused(await packArchive([...app, ...hostile]))).toMatch(new RegExp(`^${code}`));
    await isUnharmed();
  });

  test('refuses what is no archive, a cut one, and one whose bytes are not those that were promised', async () => {
    expect(await refused(artifactOf(Buffer.from('no archive at all')))).toBe('ARCHIVE_INVALID');
    const whole = await packArchive(app);
    expect(await refused(artifactOf(whole.bytes.subarray(0, -40)))).toBe('ARCHIVE_INVALID');
    expect(await refused({ ...whole, sha256: 'f'.repeat(64) })).toBe('ARTIFACT_HASH_MISMATCH');
    await isUnharmed();
  });

  test('refuses an archive without what the manifest names', async () => {
    expect(await refused(await packArchive([{ name: 'other.js', body: '' }]))).toBe('MAIN_NOT_FOUND');
    await isUnharmed();
  });

  test('cuts a bomb at the limit, with bounded memory, and keeps nothing of it', async () => {
    const before = freeBytes(server.dataDir);
    expect(await refused(bomb())).toBe('ARCHIVE_TOO_LARGE');
    await isUnharmed();
    expect(before - freeBytes(server.dataDir)).toBeLessThan(200 * 1024 * 1024);
    expect(processFacts(server.pid)?.rssBytes).toBeLessThan(400 * 1024 * 1024);
  });

  test('cuts a crowd of entries at the limit and keeps nothing of it', async () => {
    expect(await refused(crowd())).toBe('ARCHIVE_TOO_MANY_ENTRIES');
    await isUnharmed();
  });

  test('takes the next good one', async () => {
    await deployed(server.client, { version: 'v2' });
    await settled(server, 'web', { version: 'v2', instances: 1 });
  });
});

function freeBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}
