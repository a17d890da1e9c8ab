// What the control process weighs, without an app and with 100 of them, some seconds after it came to rest.
import { setTimeout as sleep } from 'node:timers/promises';
import { processFacts } from '@tako/e2e/support/processes';
import { type RunningServer, startServer } from '@tako/e2e/support/start-server';
import { deployed, quickRollout } from '@tako/e2e/support/test-release';
import { type Figure, type Measurement, megabytes } from './figure.ts';
import { packSmallApp } from './small-app.ts';

/** Start-up garbage is collected by then, and every timer of an idle server has ticked. */
const settleMs = 5000;
const goalMegabytes = 90;
const manyApps = 100;
/** Deployed at once. */
const parallel = 4;

function rssOf(pid: number): number {
  const facts = processFacts(pid);
  if (facts === null) throw new Error(`process ${pid} is gone`);
  return facts.rssBytes;
}

async function figureOf(server: RunningServer, apps: number): Promise<Figure> {
  await sleep(settleMs);
  const { workers } = await server.client.api.server_info.query(undefined);
  const each = workers.map(({ pid }) => megabytes(rssOf(pid))).join(' and ');
  return {
    id: `memory-${apps}`,
    title:
      apps === 0 ? 'Control process without an app, resident' : `Control process with ${apps} apps, resident`,
    unit: 'MB',
    samples: [megabytes(rssOf(server.pid))],
    goal: apps === 0 ? goalMegabytes : null,
    note: `its workers ${each} MB`,
  };
}

/** On demand, as most of a hundred apps on one host are: each is proven, then sleeps. */
async function deployMany({ client }: RunningServer): Promise<void> {
  const archive = await packSmallApp();
  const manifest = { instances: 0, idle_timeout_s: 1, health_path: '/', rollout: quickRollout };
  for (let first = 0; first < manyApps; first += parallel) {
    const ids = Array.from({ length: parallel }, (_, index) => `app-${first + index}`);
    await Promise.all(ids.map((id) => deployed(client, { id, version: 'v1', archive, manifest })));
  }
}

export const controlMemory: Measurement = {
  id: 'memory',
  async measure() {
    await using server = await startServer();
    const empty = await figureOf(server, 0);
    await deployMany(server);
    return [empty, await figureOf(server, manyApps)];
  },
};
