// Story: an app writes 1 GB to its output as fast as it can. It is never blocked and goes on answering, its log and the
// server's memory stay within bounds, and what was dropped is counted.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ask, askJson } from '../support/http-get.ts';
import { processFacts } from '../support/processes.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployed, hostOf } from '../support/test-release.ts';
import { until } from '../support/until.ts';

const GB = 1024 ** 3;
const MiB = 1024 ** 2;
/** 10 MiB × 5 (spec 40, Logs), and the line that goes over each. */
const LOG_BYTES_MAX = 5 * 10 * MiB + 5 * 64 * 1024;
const SAMPLE_MS = 100;

interface Flood {
  readonly written: number;
  readonly done: boolean;
  readonly tookMs: number;
}

test(
  'a flood of 1 GB blocks nobody, and is bounded on the disk and in memory',
  { timeout: 120_000 },
  async () => {
    await using server = await startTestServer({ workers: 1 });
    const { client, httpPort: port } = server;
    await deployed(client, { id: 'quiet', version: 'v1' });
    await deployed(client, { version: 'v1', behaviour: 'floods' });
    const host = hostOf('web');
    const before = processFacts(server.pid)?.rssBytes ?? 0;
    await ask({ port, host, method: 'POST', path: `/flood?bytes=${GB}` });

    let peakBytes = 0;
    let slowestMs = 0;
    let flood: Flood;
    do {
      const askedAt = performance.now();
      flood = await askJson<Flood>({ port, host, path: '/flood', timeoutMs: 10_000 });
      expect(await ask({ port, host: hostOf('quiet') })).toMatchObject({ status: 200 });
      // The control process answers beside it.
      await client.api.status.query({ deploymentId: 'web' });
      slowestMs = Math.max(slowestMs, performance.now() - askedAt);
      peakBytes = Math.max(peakBytes, processFacts(server.pid)?.rssBytes ?? 0);
      await sleep(SAMPLE_MS);
    } while (!flood.done);

    const grownMiB = Math.round((peakBytes - before) / MiB);
    const rate = Math.round(flood.written / MiB / (flood.tookMs / 1000));
    console.log(
      `flood: 1 GB in ${Math.round(flood.tookMs)} ms (${rate} MiB/s), server +${grownMiB} MiB at most, slowest answers ${Math.round(slowestMs)} ms`,
    );
    expect(flood.written).toBe(GB);
    expect(grownMiB).toBeLessThan(150);
    expect(slowestMs).toBeLessThan(5000);

    const folder = path.join(server.dataDir, 'apps/web/shared/logs');
    const files = fs.readdirSync(folder);
    const bytes = files.reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
    expect(files.length).toBeLessThanOrEqual(5);
    expect(bytes).toBeLessThanOrEqual(LOG_BYTES_MAX);
    const texts = files.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
    expect(texts.some((text) => /dropped/.test(text))).toBe(true);
    for (const line of texts.join('').trim().split('\n')) JSON.parse(line);

    // Whatever was dropped: what is said when it is calm again is kept.
    await until('the last line is in the log', async () => {
      const lines = await Array.fromAsync(await client.api.logs.query({ deploymentId: 'web', lines: 20 }));
      return lines.some((entry) => entry.type === 'entry' && entry.text === 'the last line after the flood');
    });
  },
);
