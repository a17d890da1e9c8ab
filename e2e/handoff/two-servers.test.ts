// Two servers on one machine: beside one another, and on the same ports with --reuse-port.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { ask, askJson } from '../support/http-get.ts';
import { isRunning } from '../support/processes.ts';
import { deployed } from '../support/test-release.ts';
import { startTestServer } from '../support/test-server.ts';
import { followDaemon } from './daemon-chain.ts';

interface Who {
  readonly pid: number;
  readonly version: string;
}

const who = (port: number): Promise<Who> => askJson<Who>({ port, host: 'web.example.com', path: '/who' });
const uidOf = (pid: number): number =>
  Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test(
  'two servers that share a machine and nothing else do not disturb one another',
  { timeout: 300_000 },
  async () => {
    const base = ['--instance-port-base', '28000'];
    await using one = await startTestServer({ args: base });
    const other = await startTestServer({ args: [...base, '--instance-port-offset', '500'] });
    await Promise.all([
      deployed(one.client, { id: 'web', version: 'one' }),
      deployed(other.client, { id: 'web', version: 'other' }),
    ]);
    const [ours, theirs] = [await who(one.httpPort), await who(other.httpPort)];
    expect([ours.version, theirs.version]).toEqual(['one', 'other']);
    const portOf = async (server: typeof one): Promise<number | null> =>
      (await server.client.api.status.query({})).deployments[0]?.builds[0]?.instances[0]?.port ?? null;
    expect([await portOf(one), await portOf(other)]).toEqual([28_000, 28_500]);
    if (process.getuid?.() === 0) expect(uidOf(ours.pid)).not.toBe(uidOf(theirs.pid));

    // A crash and a start of the one adopt and stop what is its own.
    await other.kill();
    const restarted = await other.restart();
    expect(await who(restarted.httpPort)).toEqual(theirs);
    expect(await who(one.httpPort)).toEqual(ours);
    await restarted[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    expect(isRunning(theirs.pid)).toBe(false);
    expect(await who(one.httpPort)).toEqual(ours);
  },
);

test(
  'with --reuse-port two servers answer on the same ports, and the one that stays answers all',
  { timeout: 300_000 },
  async () => {
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const overlap = { httpPort, httpsPort, args: ['--reuse-port', '--instance-port-base', '29000'] };
    await using one = await startTestServer(overlap);
    await using chain = followDaemon(one);
    await deployed(one.client, { id: 'web', version: 'one' });
    await using other = await startTestServer({
      ...overlap,
      args: [...overlap.args, '--instance-port-offset', '500'],
    });
    await deployed(other.client, { id: 'web', version: 'other' });
    // The kernel spreads new connections over the sockets by a hash of their addresses.
    const seen = new Set<string>();
    for (let count = 0; count < 200 && seen.size < 2; count += 1) seen.add((await who(httpPort)).version);
    expect([...seen].sort()).toEqual(['one', 'other']);

    // Each hands its own sockets on: a reload of the one is nothing to the other.
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    for (let count = 0; count < 50; count += 1)
      expect((await ask({ port: httpPort, host: 'web.example.com', path: '/who' })).status).toBe(200);
    await other.stop();
    for (let count = 0; count < 20; count += 1) expect((await who(httpPort)).version).toBe('one');
  },
);

test('without --reuse-port a second server on the same ports is refused and says why', async () => {
  await using one = await startTestServer();
  await expect(startTestServer({ httpPort: one.httpPort })).rejects.toThrow(
    /LISTEN_FAILED.*another process listens there/s,
  );
});
