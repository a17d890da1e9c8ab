import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayMount, smallFileSystem } from '../testing/small-file-system.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { ArtifactStore, type ArtifactStoreDeps } from './artifact-store.ts';
import { artifactLimits } from './limits.ts';

const mountable = await mayMount();
const NOW = Date.UTC(2026, 5, 1);
const context = { caller: 'test', signal: new AbortController().signal };
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function* pieces(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function temporaryStore(over: Partial<ArtifactStoreDeps> = {}) {
  const directory = await temporaryDirectory();
  const store = new ArtifactStore({ dir: path.join(directory.path, 'artifacts'), nowMs: () => NOW, ...over });
  await store.open();
  return {
    store,
    dir: path.join(directory.path, 'artifacts'),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

describe('receiving an artifact', () => {
  it('keeps it under its hash, verified, private', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(3_000_000);
    const sha256 = sha256Of(bytes);
    const range = { offsetBytes: 0, sizeBytes: bytes.length };
    const chunks = pieces(bytes.subarray(0, 1_000_001), bytes.subarray(1_000_001));
    expect(await fixture.store.offset(sha256)).toEqual({ offsetBytes: 0, complete: false });
    expect(await fixture.store.receive(sha256, range, chunks, context)).toEqual({
      offsetBytes: bytes.length,
      complete: true,
    });
    expect(await readFile(path.join(fixture.dir, sha256))).toEqual(bytes);
    expect((await stat(path.join(fixture.dir, sha256))).mode & 0o777).toBe(0o600);
    expect(await fixture.store.offset(sha256)).toEqual({ offsetBytes: bytes.length, complete: true });
    expect(await fixture.store.verified(sha256, bytes.length, context.signal)).toBe(
      path.join(fixture.dir, sha256),
    );
    expect(await readdir(fixture.dir)).toEqual([sha256]);
  });

  it('resumes where the last connection ended, also after a restart', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(100_000);
    const sha256 = sha256Of(bytes);
    const first = await fixture.store.receive(
      sha256,
      { offsetBytes: 0, sizeBytes: 100_000 },
      pieces(bytes.subarray(0, 40_000)),
      context,
    );
    expect(first).toEqual({ offsetBytes: 40_000, complete: false });
    const later = new ArtifactStore({ dir: fixture.dir, nowMs: () => NOW });
    expect(await later.offset(sha256)).toEqual({ offsetBytes: 40_000, complete: false });
    const rest = { offsetBytes: 40_000, sizeBytes: 100_000 };
    expect((await later.receive(sha256, rest, pieces(bytes.subarray(40_000)), context)).complete).toBe(true);
    expect(await readFile(path.join(fixture.dir, sha256))).toEqual(bytes);
  });

  it('keeps what came when the connection breaks with an error', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(10_000);
    const sha256 = sha256Of(bytes);
    async function* broken() {
      yield bytes.subarray(0, 4000);
      throw new Error('connection reset');
    }
    const range = { offsetBytes: 0, sizeBytes: 10_000 };
    await expect(fixture.store.receive(sha256, range, broken(), context)).rejects.toThrow('connection reset');
    expect(await fixture.store.offset(sha256)).toEqual({ offsetBytes: 4000, complete: false });
  });

  it('completes a part that has all bytes already (a crash before the verification)', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(1000);
    const sha256 = sha256Of(bytes);
    await writeFile(path.join(fixture.dir, `${sha256}.part`), bytes);
    expect(
      await fixture.store.receive(sha256, { offsetBytes: 1000, sizeBytes: 1000 }, pieces(), context),
    ).toEqual({
      offsetBytes: 1000,
      complete: true,
    });
  });

  it('takes no byte of what it has already', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(1000);
    const sha256 = sha256Of(bytes);
    const range = { offsetBytes: 0, sizeBytes: 1000 };
    await fixture.store.receive(sha256, range, pieces(bytes), context);
    let asked = false;
    async function* untouched() {
      asked = true;
      yield bytes;
    }
    expect((await fixture.store.receive(sha256, range, untouched(), context)).complete).toBe(true);
    expect(asked).toBe(false);
  });

  it('removes bytes of another hash and says so', async () => {
    await using fixture = await temporaryStore();
    const sha256 = sha256Of(Buffer.from('expected'));
    const range = { offsetBytes: 0, sizeBytes: 8 };
    await expect(
      fixture.store.receive(sha256, range, pieces(Buffer.from('delivers')), context),
    ).rejects.toMatchObject({
      code: 'ARTIFACT_HASH_MISMATCH',
    });
    expect(await readdir(fixture.dir)).toEqual([]);
  });

  it('tells the offset to go on from when bytes do not follow', async () => {
    await using fixture = await temporaryStore();
    const sha256 = sha256Of(Buffer.from('0123456789'));
    await fixture.store.receive(
      sha256,
      { offsetBytes: 0, sizeBytes: 10 },
      pieces(Buffer.from('0123')),
      context,
    );
    for (const offsetBytes of [0, 3, 5]) {
      const receiving = fixture.store.receive(
        sha256,
        { offsetBytes, sizeBytes: 10 },
        pieces(Buffer.from('x')),
        context,
      );
      await expect(receiving).rejects.toMatchObject({
        code: 'ARTIFACT_OUT_OF_ORDER',
        details: { offsetBytes: 4 },
      });
    }
  });

  it('goes on with what a silent writer has brought, whose client may be gone without a word', async () => {
    await using fixture = await temporaryStore({ limits: { silentAfterMs: 0 } });
    const sha256 = sha256Of(Buffer.from('0123456789'));
    const begun = Promise.withResolvers<void>();
    async function* silent() {
      yield Buffer.from('01234');
      begun.resolve();
      await new Promise<never>(() => undefined);
    }
    const first = fixture.store.receive(sha256, { offsetBytes: 0, sizeBytes: 10 }, silent(), context);
    await begun.promise;
    const rest = { offsetBytes: 5, sizeBytes: 10 };
    expect(await fixture.store.receive(sha256, rest, pieces(Buffer.from('56789')), context)).toEqual({
      offsetBytes: 10,
      complete: true,
    });
    expect(await first).toEqual({ offsetBytes: 5, complete: false });
    expect(await readFile(path.join(fixture.dir, sha256), 'utf8')).toBe('0123456789');
  });

  it('lets one writer at a time at a hash', async () => {
    await using fixture = await temporaryStore();
    const sha256 = sha256Of(Buffer.from('0123456789'));
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    async function* slow() {
      yield Buffer.from('01234');
      begun.resolve();
      await gate.promise;
      yield Buffer.from('56789');
    }
    const range = { offsetBytes: 0, sizeBytes: 10 };
    const first = fixture.store.receive(sha256, range, slow(), context);
    await begun.promise;
    await expect(fixture.store.receive(sha256, range, pieces(), context)).rejects.toMatchObject({
      code: 'ARTIFACT_BUSY',
    });
    gate.resolve();
    expect((await first).complete).toBe(true);
  });

  it('refuses more bytes than were announced, and more than the limit', async () => {
    await using fixture = await temporaryStore({ limits: { bytesMax: 10 } });
    const sha256 = sha256Of(Buffer.from('0123456789'));
    const exact = { offsetBytes: 0, sizeBytes: 10 };
    await expect(
      fixture.store.receive(sha256, exact, pieces(Buffer.from('0123456789x')), context),
    ).rejects.toMatchObject({
      code: 'ARTIFACT_TOO_LARGE',
    });
    expect(await readdir(fixture.dir)).toEqual([]);
    const over = { offsetBytes: 0, sizeBytes: 11 };
    await expect(fixture.store.receive(sha256, over, pieces(), context)).rejects.toMatchObject({
      code: 'ARTIFACT_TOO_LARGE',
    });
    expect(
      (await fixture.store.receive(sha256, exact, pieces(Buffer.from('0123456789')), context)).complete,
    ).toBe(true);
  });

  it('wants three times the size free, counting what it holds', async () => {
    let free = 2999;
    await using fixture = await temporaryStore({ freeBytes: async () => free });
    const bytes = randomBytes(1000);
    const sha256 = sha256Of(bytes);
    const range = { offsetBytes: 0, sizeBytes: 1000 };
    await expect(fixture.store.receive(sha256, range, pieces(bytes), context)).rejects.toMatchObject({
      code: 'DISK_FULL',
      details: { neededBytes: 3000, freeBytes: 2999 },
    });
    expect(await readdir(fixture.dir)).toEqual([]);
    free = 3000;
    await fixture.store.receive(sha256, range, pieces(bytes.subarray(0, 500)), context);
    free = 2500;
    const rest = { offsetBytes: 500, sizeBytes: 1000 };
    expect((await fixture.store.receive(sha256, rest, pieces(bytes.subarray(500)), context)).complete).toBe(
      true,
    );
  });

  it('stops at the signal and keeps what came', async () => {
    await using fixture = await temporaryStore();
    const controller = new AbortController();
    async function* stopping() {
      yield Buffer.from('01234');
      controller.abort(new Error('server stops'));
      yield Buffer.from('56789');
    }
    const sha256 = sha256Of(Buffer.from('0123456789'));
    const receiving = fixture.store.receive(sha256, { offsetBytes: 0, sizeBytes: 10 }, stopping(), {
      caller: 'test',
      signal: controller.signal,
    });
    await expect(receiving).rejects.toThrow('server stops');
    expect((await fixture.store.offset(sha256)).offsetBytes).toBe(5);
  });

  it('never makes a path of something that is no hash', async () => {
    await using fixture = await temporaryStore();
    await expect(fixture.store.offset('../../etc/passwd')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.skipIf(!mountable)(
    'on a disk that fills up says DISK_FULL and leaves nothing (needs root to mount)',
    async () => {
      await using disk = await smallFileSystem(1024 * 1024);
      const store = new ArtifactStore({
        dir: path.join(disk.path, 'artifacts'),
        nowMs: () => NOW,
        freeBytes: async () => Infinity,
      });
      await store.open();
      const bytes = randomBytes(2 * 1024 * 1024);
      const range = { offsetBytes: 0, sizeBytes: bytes.length };
      await expect(store.receive(sha256Of(bytes), range, pieces(bytes), context)).rejects.toMatchObject({
        code: 'DISK_FULL',
      });
      expect(await readdir(path.join(disk.path, 'artifacts'))).toEqual([]);
    },
  );
});

describe('a verified artifact', () => {
  it('is not there, or of another size, or rotten: each said, and rot removed', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(1000);
    const sha256 = sha256Of(bytes);
    const verify = (sizeBytes: number) => fixture.store.verified(sha256, sizeBytes, context.signal);
    await expect(verify(1000)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    await fixture.store.receive(sha256, { offsetBytes: 0, sizeBytes: 1000 }, pieces(bytes), context);
    await expect(verify(999)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await writeFile(path.join(fixture.dir, sha256), Buffer.alloc(1000));
    await expect(verify(1000)).rejects.toMatchObject({ code: 'ARTIFACT_HASH_MISMATCH' });
    expect(await readdir(fixture.dir)).toEqual([]);
  });
});

describe('the sweep', () => {
  it('removes old parts and old artifacts that no release refers to, and nothing else', async () => {
    await using fixture = await temporaryStore();
    const hash = (letter: string) => letter.repeat(64);
    const make = async (name: string, ageMs: number) => {
      await writeFile(path.join(fixture.dir, name), 'x');
      const seconds = (NOW - ageMs) / 1000;
      await utimes(path.join(fixture.dir, name), seconds, seconds);
    };
    const { partAgeMaxMs, unreferencedAgeMaxMs } = artifactLimits;
    await make(`${hash('a')}.part`, partAgeMaxMs);
    await make(`${hash('b')}.part`, partAgeMaxMs + 1);
    await make(hash('c'), unreferencedAgeMaxMs);
    await make(hash('d'), unreferencedAgeMaxMs + 1);
    await make(hash('e'), unreferencedAgeMaxMs + 1);
    await make('README', 1e12);
    expect((await fixture.store.sweep(new Set([hash('e')]))).toSorted()).toEqual([
      `${hash('b')}.part`,
      hash('d'),
    ]);
    expect((await readdir(fixture.dir)).toSorted()).toEqual(
      ['README', `${hash('a')}.part`, hash('c'), hash('e')].toSorted(),
    );
  });

  it('spares what somebody asked for just now', async () => {
    await using fixture = await temporaryStore();
    const bytes = randomBytes(10);
    const sha256 = sha256Of(bytes);
    await fixture.store.receive(sha256, { offsetBytes: 0, sizeBytes: 10 }, pieces(bytes), context);
    await utimes(path.join(fixture.dir, sha256), 1, 1);
    await fixture.store.offset(sha256);
    expect(await fixture.store.sweep(new Set())).toEqual([]);
    await utimes(path.join(fixture.dir, sha256), 1, 1);
    expect(await fixture.store.sweep(new Set())).toEqual([sha256]);
  });
});
