// From `deploy` called to the first answer of the new release through the proxy, less what the app itself takes to
// start and less `stable_s`.
import { type RunningServer, startServer } from '@tako/e2e/support/start-server';
import { hostOf, lockOf, prepareRelease, quickRollout, rollOut } from '@tako/e2e/support/test-release';
import { withLock } from '@tako/protocol/client';
import { type Measurement, median } from './figure.ts';
import { firstAnswerOf, packSmallApp, startTimes } from './small-app.ts';

const id = 'latency';
const stableMs = 200;
const rounds = 9;
const goalMs = 300;

async function deploys(): Promise<number[]> {
  await using server = await startServer();
  const archive = await packSmallApp();
  const manifest = { rollout: { ...quickRollout, stable_s: stableMs / 1000 }, health_path: '/' };
  for (const version of ['a', 'b']) await prepareRelease(server.client, { id, version, archive, manifest });
  await rollOut(server.client, { id, version: 'b' });
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1)
    times.push(await deploy(server, round % 2 === 0 ? 'a' : 'b'));
  return times;
}

function deploy({ client, httpPort }: RunningServer, version: string): Promise<number> {
  return withLock(client, lockOf(id), async ({ token }) => {
    const startedAt = performance.now();
    const serving = firstAnswerOf(version, { port: httpPort, host: hostOf(id) });
    const routes = [hostOf(id)];
    const events = await Array.fromAsync(
      await client.api.deploy.mutate({ deploymentId: id, token, version, routes }),
    );
    if (events.at(-1)?.type !== 'deployed') throw new Error(`not deployed: ${JSON.stringify(events)}`);
    return (await serving) - startedAt;
  });
}

export const deployLatency: Measurement = {
  id: 'deploy',
  async measure() {
    const appStartMs = median(await startTimes(rounds));
    const totals = await deploys();
    return [
      {
        id: 'deploy',
        title: 'From deploy to the first answer of the new release',
        unit: 'ms',
        samples: totals.map((total) => Math.round(total - appStartMs - stableMs)),
        goal: goalMs,
        note: `beyond the app's own start (${Math.round(appStartMs)} ms) and stable_s (${stableMs} ms)`,
      },
    ];
  },
};
