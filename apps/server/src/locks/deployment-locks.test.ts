import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openStore } from '@tako/store';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { DeploymentLocks } from './deployment-locks.ts';
import { lockTtlMs } from './limits.ts';

const ann = { user: 'ann', host: 'laptop', pid: 42, command: 'tako deploy' };
const bob = { user: 'bob', host: 'ci', pid: 7, command: 'tako rollback' };

async function temporaryLocks() {
  const directory = await temporaryDirectory();
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  const clock = { now: 1_000_000 };
  const { log, lines } = recordingLog();
  const locks = new DeploymentLocks({ store, dataDir: directory.path, nowMs: () => clock.now, log });
  return {
    locks,
    clock,
    lines,
    appDir: path.join(directory.path, 'apps', 'web'),
    dataDir: directory.path,
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The file goes behind the timer's back: nobody waits for it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await nextTurn();
}

describe('the lock of a deployment', () => {
  it('has one holder, whom everybody else is told', async () => {
    await using fixture = await temporaryLocks();
    const { locks, clock } = fixture;
    const lock = await locks.acquire('web', ann);
    expect(lock).toMatchObject({ ttlMs: lockTtlMs, expiresAt: clock.now + lockTtlMs });
    expect(lock.token).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
    clock.now += 5000;
    await expect(locks.acquire('web', bob)).rejects.toMatchObject({
      code: 'DEPLOYMENT_LOCKED',
      message: 'web is locked by ann@laptop (`tako deploy`, pid 42) for 5 s.',
      details: { deploymentId: 'web', holder: ann },
    });
    await locks.acquire('web@staging', bob);
    locks.assertHeld('web', lock.token);
    expect(locks.holder('web')?.holder).toEqual(ann);
    expect(() => locks.assertHeld('web', 'another-token-0123456')).toThrow(
      expect.objectContaining({ code: 'DEPLOYMENT_LOCKED' }),
    );
  });

  it('ends at its expiry to the millisecond, and lives on by renewal', async () => {
    await using fixture = await temporaryLocks();
    const { locks, clock } = fixture;
    const lock = await locks.acquire('web', ann);
    clock.now += lockTtlMs - 1;
    locks.assertHeld('web', lock.token);
    expect(locks.renew('web', lock.token).expiresAt).toBe(clock.now + lockTtlMs);
    clock.now += lockTtlMs - 1;
    await expect(locks.acquire('web', bob)).rejects.toMatchObject({ code: 'DEPLOYMENT_LOCKED' });
    clock.now += 1;
    expect(() => locks.assertHeld('web', lock.token)).toThrow(expect.objectContaining({ code: 'LOCK_LOST' }));
    expect(() => locks.renew('web', lock.token)).toThrow(expect.objectContaining({ code: 'LOCK_LOST' }));
    const second = await locks.acquire('web', bob);
    await locks.release('web', lock.token);
    locks.assertHeld('web', second.token);
  });

  it('is released by its token, and can be taken away by force', async () => {
    await using fixture = await temporaryLocks();
    const { locks, clock } = fixture;
    const lock = await locks.acquire('web', ann);
    await locks.release('web', lock.token);
    expect(() => locks.assertHeld('web', lock.token)).toThrow(expect.objectContaining({ code: 'LOCK_LOST' }));
    const acquiredAt = clock.now;
    const second = await locks.acquire('web', ann);
    expect(await locks.unlock('web')).toEqual({ previous: { ...ann, acquiredAt } });
    expect(await locks.unlock('web')).toEqual({ previous: null });
    expect(() => locks.renew('web', second.token)).toThrow(expect.objectContaining({ code: 'LOCK_LOST' }));
    await locks.acquire('web', bob);
    clock.now += lockTtlMs;
    expect(await locks.unlock('web')).toEqual({ previous: null });
  });

  it('shows a file while it is held, and leaves no directory of a deploy that came to nothing', async () => {
    await using fixture = await temporaryLocks();
    const { locks, appDir } = fixture;
    const lock = await locks.acquire('web', ann);
    expect(JSON.parse(await readFile(path.join(appDir, '.deploy_lock'), 'utf8'))).toEqual({
      ...ann,
      time: '1970-01-01T00:16:40.000Z',
    });
    await locks.release('web', lock.token);
    expect(await readdir(path.join(fixture.dataDir, 'apps'))).toEqual([]);
    const again = await locks.acquire('web', ann);
    await mkdir(path.join(appDir, 'releases'));
    await locks.release('web', again.token);
    expect(await readdir(appDir)).toEqual(['releases']);
  });

  it('loses its file when its time is up, released or not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await using fixture = await temporaryLocks();
      const { locks, clock, dataDir } = fixture;
      const lock = await locks.acquire('web', ann);
      const pass = (ms: number): void => {
        clock.now += ms;
        vi.advanceTimersByTime(ms);
      };
      pass(lockTtlMs / 2);
      locks.renew('web', lock.token);
      pass(lockTtlMs - 1);
      expect(vi.getTimerCount()).toBe(1);
      expect(await readdir(path.join(dataDir, 'apps/web'))).toEqual(['.deploy_lock']);
      pass(1);
      expect(vi.getTimerCount()).toBe(0);
      await until(async () => (await readdir(path.join(dataDir, 'apps'))).length === 0);
      const next = await locks.acquire('web', bob);
      await locks.release('web', next.token);
      await locks.acquire('web', ann);
      await locks.unlock('web');
      await locks.acquire('blog', ann);
      locks[Symbol.dispose]();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not depend on the file', async () => {
    await using fixture = await temporaryLocks();
    await writeFile(path.join(fixture.dataDir, 'apps'), 'in the way');
    const lock = await fixture.locks.acquire('web', ann);
    fixture.locks.assertHeld('web', lock.token);
    await fixture.locks.release('web', lock.token);
    expect(fixture.lines.map((line) => line.msg)).toContain('deploy lock file could not be written');
  });

  it('sweeps files of locks that expired while no daemon ran', async () => {
    await using fixture = await temporaryLocks();
    await fixture.locks.acquire('web', ann);
    await fixture.locks.acquire('blog', ann);
    fixture.clock.now += lockTtlMs - 1;
    await fixture.locks.sweep(['web', 'blog']);
    expect((await readdir(path.join(fixture.dataDir, 'apps'))).toSorted()).toEqual(['blog', 'web']);
    fixture.clock.now += 1;
    await fixture.locks.sweep(['web', 'blog']);
    expect(await readdir(path.join(fixture.dataDir, 'apps'))).toEqual([]);
  });
});
