import { once } from 'node:events';
import { isTakoError } from '@tako/config';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { connect, withLock } from './index.ts';

const holder = { user: 'anna', host: 'laptop', pid: 7, command: 'test' };
const options = { deploymentId: 'web', holder };

describe('withLock', () => {
  it('gives the token to the work, its result back, and releases the lock', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const result = await withLock(client, options, async ({ token }) => {
      const events = await client.api.restart.mutate({ deploymentId: 'web', token });
      for await (const event of events) if (event.type === 'deployed') return event.version;
      return null;
    });
    expect(result).toBe('v1');
    expect((await client.api.unlock.mutate({ deploymentId: 'web' })).previous).toBeNull();
  });

  it('releases the lock when the work fails, with the error of the work', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const boom = new Error('boom');
    await expect(withLock(client, options, () => Promise.reject(boom))).rejects.toBe(boom);
    expect((await client.api.unlock.mutate({ deploymentId: 'web' })).previous).toBeNull();
  });

  it('renews the lock every third of its time while the work goes on', async () => {
    const renewals: number[] = [];
    const service = createMemoryService({ lockTtlMs: 300 });
    const { renewLock } = service;
    const three = Promise.withResolvers<void>();
    service.renewLock = async (input, context) => {
      renewals.push(Date.now());
      if (renewals.length === 3) three.resolve();
      return await renewLock(input, context);
    };
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const startedAt = Date.now();
    await withLock(client, options, () => three.promise);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(290);
    expect(renewals).toHaveLength(3);
  });

  it("aborts the work's signal with LOCK_LOST when somebody took the lock away", async () => {
    const service = createMemoryService({ lockTtlMs: 150 });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const work = withLock(client, options, async ({ signal }) => {
      await client.api.unlock.mutate({ deploymentId: 'web' });
      await once(signal, 'abort');
      signal.throwIfAborted();
    });
    await expect(work).rejects.toMatchObject({ code: 'LOCK_LOST', cause: { code: 'LOCK_LOST' } });
  });

  it('goes on through a short outage, and loses the lock when its time is up', async () => {
    const service = createMemoryService({ lockTtlMs: 600 });
    const { renewLock } = service;
    let cuts = 1;
    service.renewLock = async (input, context) => {
      if (cuts > 0) {
        cuts -= 1;
        server.cut();
      }
      return await renewLock(input, context);
    };
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const startedAt = Date.now();
    const work = withLock(client, options, async ({ signal }) => {
      cuts = 1;
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (cuts > 0) return;
          clearInterval(timer);
          resolve();
        }, 5);
      });
      expect(signal.aborted).toBe(false);
      cuts = Infinity;
      await once(signal, 'abort');
      throw signal.reason;
    });
    await expect(work).rejects.toMatchObject({ code: 'LOCK_LOST' });
    const heldMs = Date.now() - startedAt;
    // Its time was 600 ms from the start, or 600 ms from the one renewal that came through.
    expect(heldMs).toBeGreaterThan(450);
    expect(heldMs).toBeLessThan(1200);
  });

  it('says who holds the lock', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    await client.api.acquire_lock.mutate(options);
    await expect(withLock(client, options, () => Promise.resolve())).rejects.toMatchObject({
      code: 'DEPLOYMENT_LOCKED',
      message: expect.stringContaining('anna@laptop'),
    });
  });

  it('waits for a lock as long as it is told to', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const { token } = await client.api.acquire_lock.mutate(options);
    const waited: string[] = [];
    const onWaiting = (locked: Error): void => {
      waited.push(isTakoError(locked) ? locked.code : 'foreign');
      if (waited.length === 1) void client.api.release_lock.mutate({ deploymentId: 'web', token });
    };
    expect(
      await withLock(client, { ...options, waitMs: 10_000, onWaiting }, () => Promise.resolve('done')),
    ).toBe('done');
    expect(waited).toEqual(['DEPLOYMENT_LOCKED']);
    await client.api.acquire_lock.mutate(options);
    await expect(withLock(client, { ...options, waitMs: 10 }, () => Promise.resolve())).rejects.toMatchObject(
      {
        code: 'DEPLOYMENT_LOCKED',
      },
    );
  });

  it('aborts the work with the reason of its signal, and releases the lock all the same', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    const work = withLock(client, { ...options, signal: abort.signal }, async ({ signal }) => {
      abort.abort(reason);
      signal.throwIfAborted();
      return await Promise.resolve();
    });
    await expect(work).rejects.toBe(reason);
    expect((await client.api.unlock.mutate({ deploymentId: 'web' })).previous).toBeNull();
  });
});
