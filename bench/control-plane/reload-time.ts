// From SIGHUP to the successor leading with workers of its own. Nothing waits for it: the old ones serve meanwhile.
import { followDaemon } from '@tako/e2e/handoff/daemon-chain';
import { startServer } from '@tako/e2e/support/start-server';
import { deployed, quickRollout } from '@tako/e2e/support/test-release';
import type { Measurement } from './figure.ts';
import { packSmallApp } from './small-app.ts';

const rounds = 7;

async function reloads(): Promise<number[]> {
  await using server = await startServer();
  const manifest = { health_path: '/', rollout: quickRollout };
  await deployed(server.client, { id: 'web', version: 'v1', archive: await packSmallApp(), manifest });
  await using chain = followDaemon(server);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const outcome = await chain.reload();
    if (outcome.kind === 'failed') throw new Error(`reload ${round}: ${outcome.reason}`);
    times.push(outcome.durationMs);
  }
  return times;
}

export const reloadTime: Measurement = {
  id: 'reload',
  async measure() {
    return [
      {
        id: 'reload',
        title: 'SIGHUP to the successor leading, workers included',
        unit: 'ms',
        samples: await reloads(),
        goal: null,
        note: 'requests are served all the time',
      },
    ];
  },
};
