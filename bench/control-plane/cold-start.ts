// What a request waits beyond the app's own start when it wakes an app that sleeps.
import { ask } from '@tako/e2e/support/http-get';
import { type RunningServer, startServer } from '@tako/e2e/support/start-server';
import { deployed, hostOf, quickRollout } from '@tako/e2e/support/test-release';
import { type Measurement, median } from './figure.ts';
import { packSmallApp, startTimes } from './small-app.ts';

const id = 'sleeper';
const rounds = 7;

/** Listens from now on; resolves when an instance has stopped. */
async function asleep({ client }: RunningServer): Promise<void> {
  for await (const event of await client.api.events.query(undefined))
    if (event.type === 'instance.stateChanged' && event.facts['to'] === 'stopped') return;
}

async function wakes(): Promise<number[]> {
  await using server = await startServer();
  let sleeping = asleep(server);
  await deployed(server.client, {
    id,
    version: 'v1',
    archive: await packSmallApp(),
    manifest: { instances: 0, idle_timeout_s: 1, health_path: '/', rollout: quickRollout },
  });
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await sleeping;
    sleeping = asleep(server);
    const startedAt = performance.now();
    const { status } = await ask({ port: server.httpPort, host: hostOf(id) });
    if (status !== 200) throw new Error(`the sleeping app answered ${status}`);
    times.push(performance.now() - startedAt);
  }
  await sleeping;
  return times;
}

export const coldStart: Measurement = {
  id: 'cold-start',
  async measure() {
    const appStartMs = median(await startTimes(rounds));
    return [
      {
        id: 'cold-start',
        title: 'A request that wakes an app',
        unit: 'ms',
        samples: (await wakes()).map((total) => Math.round(total - appStartMs)),
        goal: null,
        note: `beyond the app's own start (${Math.round(appStartMs)} ms)`,
      },
    ];
  },
};
