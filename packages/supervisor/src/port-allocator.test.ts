import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { limits } from './limits.ts';
import { PortAllocator } from './port-allocator.ts';
import { freePort } from './testing.ts';

async function listen(port: number, host: string): Promise<Server & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

test('ports come from the first one up, and two reservations at once differ', async () => {
  const firstPort = await freePort();
  const allocator = new PortAllocator({ firstPort });
  const ports = await Promise.all([allocator.reserve(), allocator.reserve(), allocator.reserve()]);
  expect(new Set(ports).size).toBe(3);
  expect(Math.min(...ports)).toBe(firstPort);
});

test.each(['127.0.0.1', '0.0.0.0', '::1'])(
  'a port that another program has on %s is passed over',
  async (host) => {
    const firstPort = await freePort();
    await using _taken = await listen(firstPort, host);
    expect(await new PortAllocator({ firstPort }).reserve()).toBeGreaterThan(firstPort);
  },
);

test('a released port rests a minute and until it is forgotten, in whichever order', async () => {
  let now = 0;
  const firstPort = await freePort();
  const allocator = new PortAllocator({ firstPort, now: () => now });
  const first = await allocator.reserve();
  allocator.release(first);
  expect(await allocator.reserve()).not.toBe(first);
  now = limits.portRestMs * 2;
  expect(await allocator.reserve()).not.toBe(first);
  allocator.confirmForgotten(first);
  expect(await allocator.reserve()).toBe(first);

  allocator.release(first);
  allocator.confirmForgotten(first);
  now += limits.portRestMs - 1;
  const other = await allocator.reserve();
  expect(other).not.toBe(first);
  now += 1;
  expect(await allocator.reserve()).toBe(first);
});

test('the port of an adopted instance is not given away', async () => {
  const firstPort = await freePort();
  const allocator = new PortAllocator({ firstPort });
  allocator.occupy(firstPort);
  expect(await allocator.reserve()).not.toBe(firstPort);
});

test('releasing what was never reserved, or twice, changes nothing', async () => {
  const firstPort = await freePort();
  const allocator = new PortAllocator({ firstPort });
  allocator.release(firstPort);
  allocator.confirmForgotten(firstPort);
  expect(await allocator.reserve()).toBe(firstPort);
});

test('when no port is left, the error says which range and what to do', async () => {
  const allocator = new PortAllocator({ firstPort: 65_535 });
  allocator.occupy(65_535);
  await expect(allocator.reserve()).rejects.toMatchObject({
    code: 'PORTS_EXHAUSTED',
    details: { firstPort: 65_535, lastPort: 65_535 },
  });
});
