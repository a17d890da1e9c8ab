// The same load and the same changes with the fast lanes switched off: whoever has to do that at night loses nothing either.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { followDaemon } from '../handoff/daemon-chain.ts';
import { startCrowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { expectNothingLost } from './nothing-lost.ts';
import { openStage } from './stage.ts';

interface Line {
  readonly lane: string;
}

/** Who served, by what the access log says so far. */
async function lanesOf(file: string): Promise<Set<string>> {
  const lines = (await fs.readFile(file, 'utf8')).split('\n').slice(0, -1);
  return new Set(lines.map((line) => (JSON.parse(line) as Line).lane));
}

test('with --lanes general changes and a reload lose no request', { timeout: 300_000 }, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-lanes-'));
  await using _dir = { [Symbol.asyncDispose]: () => fs.rm(dir, { recursive: true }) };
  const log = path.join(dir, 'access.log');
  const args = ['--lanes', 'general', '--access-log', log];
  await using stage = await openStage({ instances: 2, server: { args } });
  await using chain = followDaemon(stage.server, args);
  const first = await stage.ship();
  await using crowd = startCrowd(stage.url);
  const second = await stage.ship();
  for (const version of [first, second, first]) await stage.deploy(version);
  for (const instances of [3, 1, 2]) await stage.scale(instances);
  await stage.rollback();
  expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
  await stage.restart();
  const report = await expectNothingLost(crowd, 'changes and a reload with --lanes general');
  expect(report.byKind.http2?.ok).toBeGreaterThan(100);
  expect(report.byKind.webSocket?.told).toBeGreaterThan(0);
  await eventually('both lanes in the access log', 10_000, async () => {
    const lanes = await lanesOf(log);
    return lanes.has('general') && lanes.has('http2') ? true : null;
  });
  expect(await lanesOf(log)).not.toContain('fast');
});
