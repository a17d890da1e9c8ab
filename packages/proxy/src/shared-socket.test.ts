// Several workers on one listening socket: the kernel gives a connection to whoever accepts first, and none is left
// without work. Each worker has an app of its own, which tells who served.
import { once } from 'node:events';
import { BoundSocket } from 'node:net';
import { expect, test } from 'vitest';
import { startPlaneProcess } from './conformance/start-plane-process.ts';
import { startApp } from './conformance/test-app.ts';
import { ask, headOf, RawClient, statusOf } from './conformance/test-client.ts';
import { testHost } from './conformance/test-plane.ts';

const workers = 3;
const clients = 24;

test(
  'every worker of a shared socket gets connections, kept ones and new ones',
  { timeout: 60_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const bound = new BoundSocket({ host: '127.0.0.1', port: 0 });
    const { port } = bound.address();
    const apps = await Promise.all(Array.from({ length: workers }, () => startApp()));
    for (const app of apps) stack.use(app);
    for (const app of apps) {
      const worker = await startPlaneProcess(app.port, bound.fd());
      stack.defer(async () => {
        worker.kill('SIGKILL');
        await once(worker, 'exit');
      });
    }
    const everyoneServed = (): boolean => apps.every((app) => app.seen.length > 0);
    const askAnew = async (): Promise<void> => {
      while (!everyoneServed()) expect((await ask({ port })).status).toBe(200);
    };
    await Promise.all(Array.from({ length: clients }, askAnew));

    for (const app of apps) app.seen.length = 0;
    const kept: RawClient[] = [];
    // As browsers come: several at once, again and again, and they stay.
    while (!everyoneServed()) {
      const more = await Promise.all(Array.from({ length: clients }, () => RawClient.open(port)));
      kept.push(...more);
      for (const client of more) client.send(headOf('GET / HTTP/1.1', `Host: ${testHost}`));
      for (const client of more) expect(statusOf(await client.receives((text) => text !== ''))).toBe(200);
    }
    for (const client of kept) client[Symbol.dispose]();
  },
);
