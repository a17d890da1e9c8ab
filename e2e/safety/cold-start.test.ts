// Story: an app that sleeps is started once, however many requests arrive at however many workers.
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ask } from '../support/http-get.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployed, hostOf } from '../support/test-release.ts';

/** One line a start, written by the app itself. */
async function starts(server: RunningServer): Promise<string[]> {
  const file = path.join(server.dataDir, 'apps/web/shared/data/starts');
  return (await fs.readFile(file, 'utf8')).trim().split('\n');
}

/** Resolves when an instance has stopped. */
async function asleep(server: RunningServer): Promise<void> {
  for await (const event of await server.client.api.events.query(undefined))
    if (event.type === 'instance.stateChanged' && event.facts['to'] === 'stopped') return;
}

test('1,000 requests over 4 workers at a cold start make one spawn, and every one is answered by it', async () => {
  await using server = await startTestServer({ workers: 4 });
  const sleeping = asleep(server);
  await deployed(server.client, { version: 'v1', manifest: { instances: 0, idle_timeout_s: 1 } });
  await sleeping;
  // The one that proved the release.
  expect(await starts(server)).toHaveLength(1);

  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      ask({ port: server.httpPort, host: hostOf('web'), path: '/who', from: `127.0.1.${1 + (index % 250)}` }),
    ),
  );
  const byStatus = Object.groupBy(answers, ({ status }) => status);
  expect(Object.fromEntries(Object.entries(byStatus).map(([status, of]) => [status, of?.length]))).toEqual({
    200: 1000,
  });
  const pids = new Set(answers.map(({ body }) => (JSON.parse(body) as { pid: number }).pid));
  expect(pids.size).toBe(1);
  const lines = await starts(server);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe(`v1 ${[...pids][0]}`);
  const { workers } = await server.client.api.server_info.query();
  expect(workers).toHaveLength(4);
});
