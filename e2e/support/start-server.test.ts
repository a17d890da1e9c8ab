import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from './start-server.ts';

test('a server of one worker or none starts, answers server_info and on its ports, stops with 0, and leaves nothing', async () => {
  for (const workers of [0, 1]) {
    let dir = '';
    {
      await using server = await startServer({ workers });
      dir = server.dir;
      const identity = await server.client.api.server_info.query();
      expect(identity).toMatchObject({ pid: server.pid, mode: 'normal', dataDir: server.dataDir });
      const response = await fetch(`http://127.0.0.1:${server.httpPort}/`, {
        headers: { connection: 'close' },
      });
      expect(response.status).toBe(404);
      expect(server.httpsPort).not.toBe(server.httpPort);
      expect(server.processes().map((facts) => facts.pid)).toContain(server.pid);
      expect(await server.stop()).toEqual({ code: 0, signal: null });
    }
    expect(fs.existsSync(dir)).toBe(false);
  }
});

test('a restart after SIGKILL has the same directory and ports, and cleans up for both', async () => {
  await using first = await startServer({ workers: 1 });
  await first.kill();
  await using second = await first.restart();
  expect(second.pid).not.toBe(first.pid);
  expect([second.dir, second.httpPort, second.httpsPort]).toEqual([
    first.dir,
    first.httpPort,
    first.httpsPort,
  ]);
});

test('a server that cannot start is reported with its own words', async () => {
  await expect(startServer({ args: ['--max-connections', 'many'] })).rejects.toThrow(/OPTION_INVALID/);
});

test('what a server leaves is found, ended and reported', async () => {
  const server = await startServer({ workers: 0 });
  const stray = spawn('sleep', ['60'], { cwd: server.dir, stdio: 'ignore' });
  await once(stray, 'spawn');
  fs.writeFileSync(path.join(server.dir, 'a-file-is-fine'), '');
  await expect(server[Symbol.asyncDispose]()).rejects.toThrow(/left by tako-server: process .*sleep 60/);
  expect(stray.signalCode).toBe('SIGKILL');
});
