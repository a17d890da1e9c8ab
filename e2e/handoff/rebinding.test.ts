// The check of the check: instead of handing its sockets on to a successor, a server binds the same ports anew beside the
// one before it (SO_REUSEPORT) and is ready, and only then that one is stopped. What the kernel had queued for it is lost,
// and the load generator must see it; otherwise its zeros would say nothing about handing over.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { expect, test } from 'vitest';
import { type Load, startLoad } from '../load/load-generator.ts';
import { freePort } from '../support/free-port.ts';
import type { RunningServer } from '../support/start-server.ts';
import { deployed } from '../support/test-release.ts';
import { startTestServer } from '../support/test-server.ts';
import { countsTable } from '../zero-loss/counts-table.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { followDaemon } from './daemon-chain.ts';

/** Every second or third one loses some: that none of so many does is as good as impossible. */
const REBINDINGS_MAX = 60;
const RELOADS = 3;
const REQUESTS_BEFORE = 200;
/** A worker that is busy comes back to its queue late: so long is the moment in which a stop finds connections there. */
const STORM_CLIENTS = 256;

async function startStorm(port: number): Promise<Disposable> {
  const script = new URL('hello-storm.ts', import.meta.url);
  const child = fork(script, [String(port), String(STORM_CLIENTS)], {
    execArgv: ['--no-warnings=ExperimentalWarning'],
  });
  await once(child, 'message');
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** Its workers get what the others of this machine leave them: they come to their queue late. */
function makeSlow(workers: readonly { readonly pid: number }[]): void {
  for (const { pid } of workers) os.setPriority(pid, os.constants.priority.PRIORITY_LOW);
}

/** On connections of their own, each with one request. */
function startClients(httpPort: number): Load {
  return startLoad({
    url: `http://web.example.com:${httpPort}`,
    clients: { fresh: 80 },
    paths: ['/who'],
  });
}

async function underWay(load: Load): Promise<void> {
  const before = load.report().sent;
  await eventually(`${REQUESTS_BEFORE} requests`, 60_000, () =>
    load.report().sent >= before + REQUESTS_BEFORE ? true : null,
  );
}

/** Ready, and its app too: nothing that it lacks can be what a request fails of. */
async function appServes({ client }: RunningServer): Promise<void> {
  await eventually('an app that is healthy', 60_000, async () => {
    const { deployments } = await client.api.status.query({});
    const instances = deployments.flatMap(({ builds }) => builds.flatMap((build) => build.instances));
    return instances.length > 0 && instances.every(({ state }) => state === 'healthy') ? true : null;
  });
}

test(
  'the check of the check: binding anew with SO_REUSEPORT instead of a handoff loses requests, where a handoff loses none',
  { timeout: 900_000 },
  async () => {
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const ports = { httpPort, httpsPort, workers: 1 };
    const args = ['--reuse-port', '--instance-port-base', '27000'];
    const manifest = { https_redirect: false };
    await using servers = new AsyncDisposableStack();
    let idle = servers.use(await startTestServer({ ...ports, args }));
    await deployed(idle.client, { id: 'web', version: 'one', manifest });
    await idle.stop();
    let current = servers.use(
      await startTestServer({ ...ports, args: [...args, '--instance-port-offset', '500'] }),
    );
    await deployed(current.client, { id: 'web', version: 'other', manifest });

    const load = servers.use(startClients(httpPort));
    let rounds = 0;
    while (load.report().failed === 0 && (rounds += 1) <= REBINDINGS_MAX) {
      const next = servers.use(await idle.restart());
      await appServes(next);
      using _storm = await startStorm(httpsPort);
      await underWay(load);
      makeSlow((await current.client.api.server_info.query()).workers);
      await current.stop();
      [current, idle] = [next, current];
    }
    const rebound = await load.stop();
    console.log(countsTable(`binding anew instead of a handoff, ${rounds} times`, rebound));
    expect(rebound.failed).toBeGreaterThan(0);
    expect(rebound.failed).toBeLessThan(rebound.sent);

    await using chain = followDaemon(current);
    await using same = startClients(httpPort);
    for (let count = 0; count < RELOADS; count += 1) {
      using _storm = await startStorm(httpsPort);
      await underWay(same);
      makeSlow((await chain.status()).server.workers);
      expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    }
    const handedOn = await same.stop();
    console.log(countsTable(`${RELOADS} reloads under the same load`, handedOn));
    expect(handedOn.reasons).toEqual({});
  },
);
