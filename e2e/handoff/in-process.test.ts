// Handoffs of a server without workers (`--workers 0`): the process that decides is the one that serves.
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ended } from '../support/processes.ts';
import { startCrowd } from '../zero-loss/crowd.ts';
import { expectNothingLost } from '../zero-loss/nothing-lost.ts';
import { openStage } from '../zero-loss/stage.ts';
import { followDaemon } from './daemon-chain.ts';

const betweenMs = 300;
const crowdOptions = {
  clients: { fresh: 4, keepAlive: 6, http2: 3, upload: 3, download: 3, webSocket: 3, eventStream: 2 },
} as const;

test(
  'with --workers 0 the old process finishes what is in flight: reloads lose nothing',
  { timeout: 300_000 },
  async () => {
    await using stage = await openStage({ instances: 2, workers: 0 });
    await stage.ship();
    await using chain = followDaemon(stage.server);
    const pids = await chain.appPids();
    await using crowd = startCrowd(stage.url, crowdOptions);
    for (let count = 0; count < 5; count += 1) {
      expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
      await sleep(betweenMs);
    }
    const report = await expectNothingLost(crowd, '5 reloads with --workers 0');
    expect(report.failed).toBe(0);
    expect(report.byKind.upload?.ok).toBeGreaterThan(3);
    expect(await chain.appPids()).toEqual(pids);
  },
);

test(
  'with --workers 0 a handoff that fails after the old daemon let go loses nothing, and what is deployed then is served',
  { timeout: 300_000 },
  async () => {
    await using stage = await openStage({ instances: 1, workers: 0 });
    const first = await stage.ship();
    const second = await stage.ship();
    await using chain = followDaemon(stage.server);
    await using crowd = startCrowd(stage.url, crowdOptions);
    const toml = path.join(stage.server.dataDir, 'server.toml');
    const busy = net.createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as net.AddressInfo;
    // Its successor binds this after it has taken over.
    await fs.writeFile(toml, `metrics_listen = "127.0.0.1:${port}"\n`);
    for (const version of [first, second]) {
      const outcome = await chain.reload();
      expect(outcome).toMatchObject({
        kind: 'failed',
        reason: expect.stringContaining('was ready') as string,
      });
      expect((await chain.status()).server).toMatchObject({ pid: stage.server.pid, mode: 'normal' });
      const before = await chain.appPids();
      await stage.deploy(version);
      expect(await chain.appPids()).not.toEqual(before);
    }
    busy.close();
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    await expectNothingLost(crowd, 'two failed handoffs with --workers 0');

    const { server } = await chain.status();
    process.kill(server.pid, 'SIGTERM');
    await ended(server.pid, 60_000);
    await expect.poll(() => stage.server.log().trimEnd().split('\n').at(-1)).toContain('"server stopped"');
    expect(stage.server.log()).not.toContain('"fatal"');
  },
);
