// What a reload reads anew, and what becomes of one whose successor does not get there (spec 40, Handoff).
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { ask, askJson } from '../support/http-get.ts';
import { children, ended, isRunning } from '../support/processes.ts';
import { deployed } from '../support/test-release.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { type BareServer, patienceMs, readyBare, serverProgram } from './bare-server.ts';

const host = 'web.example.com';

const tomlOf = (port: number, workers: number, level: string): string =>
  `bind = ["127.0.0.1"]\nhttp_port = ${port}\nhttps_port = 0\nworkers = ${workers}\nlog_level = "${level}"\ndrain_timeout = "2s"\n`;

async function pidBehind(port: number): Promise<number> {
  return (await askJson<{ pid: number }>({ port, host, path: '/who' })).pid;
}

async function deployWeb(server: BareServer): Promise<void> {
  await using client = await server.connect();
  await deployed(client, { id: 'web', version: 'v1' });
}

test(
  'ports, workers and log level of a changed server.toml hold after a reload; the app goes on',
  { timeout: 300_000 },
  async () => {
    const [before, after] = [await freePort(), await freePort()];
    await using server = await readyBare({ toml: tomlOf(before, 2, 'info') });
    await deployWeb(server);
    const app = await pidBehind(before);
    const old = await server.info();
    expect(old.workers).toHaveLength(2);
    expect(server.process.output()).not.toContain('"level":"debug"');

    await server.writeToml(tomlOf(after, 1, 'debug'));
    const now = await server.reload();
    expect(now.pid).not.toBe(old.pid);
    expect(now.lastReload).toMatchObject({ ok: true });
    expect(now.ports.http).toEqual([`127.0.0.1:${after}`]);
    expect(await pidBehind(after)).toBe(app);
    await eventually('one worker, and nobody on the old port', patienceMs, async () => {
      const { workers } = await server.info();
      const refused = await ask({ port: before, host }).then(
        () => false,
        () => true,
      );
      return workers.length === 1 && refused ? true : null;
    });
    // A client that speaks no HTTP is worth a line for debugging only.
    net
      .connect(server.socketPath)
      .on('error', () => undefined)
      .end('?\r\n\r\n');
    await eventually('a line for debugging', patienceMs, () =>
      server.process.output().includes('"level":"debug"') ? true : null,
    );

    // A port that another holds: the old daemon says so and serves as before; the next reload works.
    const taken = await readyBare({ toml: tomlOf(await freePort(), 0, 'info') });
    await using _taken = taken;
    const theirs = Number((await taken.info()).ports.http[0]?.split(':')[1]);
    await server.writeToml(tomlOf(theirs, 1, 'info'));
    const still = await server.reload();
    expect(still).toMatchObject({ pid: now.pid, lastReload: { ok: false } });
    expect(await pidBehind(after)).toBe(app);
    await server.writeToml(tomlOf(after, 2, 'info'));
    expect(await server.reload()).toMatchObject({ lastReload: { ok: true } });
    expect(await pidBehind(after)).toBe(app);
  },
);

/** Node under a name that the test can give to something else. */
async function withOwnNode(): Promise<BareServer & { replaceNode(script: string | null): Promise<void> }> {
  const node = process.execPath;
  const main = path.join(path.dirname(serverProgram), '../apps/server/dist/main.js');
  const command = [
    '/bin/sh',
    '-c',
    'ln -s "$0" "$1/node"; node="$1/node"; shift; exec "$node" "$@"',
    node,
    '{dir}',
    main,
  ] as const;
  const server = await readyBare({ command: [...command], toml: tomlOf(await freePort(), 1, 'info') });
  const file = path.join(server.dir, 'node');
  return Object.assign(server, {
    replaceNode: async (script: string | null) => {
      await fs.rm(file);
      if (script === null) await fs.symlink(node, file);
      else await fs.writeFile(file, script, { mode: 0o755 });
    },
  });
}

test(
  'a successor that cannot be run, crashes or hangs leaves the old daemon serving, with the reason; the next reload works',
  { timeout: 300_000 },
  async () => {
    await using server = await withOwnNode();
    await deployWeb(server);
    const old = await server.info();
    const port = Number(old.ports.http[0]?.split(':')[1]);
    const app = await pidBehind(port);
    const hung = path.join(server.dir, 'hung.pid');
    for (const [script, reason] of [
      ['#!/nonexistent\n', /could not be started/],
      ['#!/bin/sh\nexit 3\n', /exited with 3 before it was prepared/],
      [
        `#!/bin/sh\necho $$ > ${hung}\nexec sleep 600\n`,
        /was too slow and was killed before it was prepared/,
      ],
    ] as const) {
      await server.replaceNode(script);
      const { pid, mode, lastReload } = await server.reload();
      expect({ pid, mode }).toEqual({ pid: old.pid, mode: 'normal' });
      expect(lastReload).toMatchObject({ ok: false, reason: expect.stringMatching(reason) as string });
      expect(await pidBehind(port)).toBe(app);
    }
    expect(server.process.output().match(/"handoff failed"/g)).toHaveLength(3);
    expect(isRunning(Number(await fs.readFile(hung, 'utf8')))).toBe(false);
    // It takes changes again, too.
    await deployWeb(server);
    await server.replaceNode(null);
    const next = await server.reload();
    expect(next).toMatchObject({ lastReload: { ok: true } });
    expect(next.pid).not.toBe(old.pid);
  },
);

test(
  'a successor that is killed while the old workers drain: the next start takes over, the app goes on',
  { timeout: 300_000 },
  async () => {
    const port = await freePort();
    const toml = tomlOf(port, 1, 'info');
    await using server = await readyBare({ toml });
    await deployWeb(server);
    const app = await pidBehind(port);
    // A head that is not whole: what it belongs to is waited for.
    const begun = net.connect(port, '127.0.0.1').on('error', () => undefined);
    await once(begun, 'connect');
    begun.write('GET / HTTP/1.1\r\n');
    const successor = await server.reload();
    expect(successor.workers.some((worker) => worker.state === 'leaving')).toBe(true);
    process.kill(successor.pid, 'SIGKILL');
    begun.destroy();
    expect(await pidBehind(port)).toBe(app);
    await using again = await server.startAgain();
    expect((await again.info()).pid).not.toBe(successor.pid);
    expect(await pidBehind(port)).toBe(app);
  },
);

test(
  'a stop that comes during a reload, or while the old daemon drains, is for whoever leads: nothing is left',
  { timeout: 300_000 },
  async () => {
    await using during = await readyBare({ toml: tomlOf(await freePort(), 1, 'info') });
    await deployWeb(during);
    const { pid } = await during.info();
    const before = children(pid).length;
    process.kill(pid, 'SIGHUP');
    // Two signals sent at once may arrive in either order.
    await eventually('a successor', patienceMs, () => (children(pid).length > before ? true : null));
    process.kill(pid, 'SIGTERM');
    await during.untilEnded();
    expect(during.process.output()).toMatch(/"handed over to the successor"[^]*"server stopped"/);

    const port = await freePort();
    await using draining = await readyBare({ toml: tomlOf(port, 1, 'info') });
    await deployWeb(draining);
    const old = await draining.info();
    const begun = net.connect(port, '127.0.0.1').on('error', () => undefined);
    await once(begun, 'connect');
    begun.write('GET / HTTP/1.1\r\n');
    const successor = await draining.reload();
    process.kill(old.pid, 'SIGTERM');
    await ended(successor.pid, patienceMs);
    begun.destroy();
    await draining.untilEnded();
    expect(draining.process.output()).toContain('"server stopped"');
  },
);

test('a reload that comes while the server stops starts nobody', { timeout: 300_000 }, async () => {
  const port = await freePort();
  await using server = await readyBare({ toml: tomlOf(port, 1, 'info') });
  await deployWeb(server);
  const { pid } = await server.info();
  process.kill(pid, 'SIGTERM');
  await server.process.printed(/"server began to stop"/);
  process.kill(pid, 'SIGHUP');
  await server.untilEnded();
  expect(server.process.output()).toMatch(/"reload refused: the server stops"[^]*"server stopped"/);
});
