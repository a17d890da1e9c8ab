import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  children,
  descendants,
  ended,
  isRunning,
  processFacts,
  processesOf,
  specialFiles,
} from './processes.ts';

function temporaryDir(): AsyncDisposable & { readonly path: string } {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tako-processes-'));
  return { path: dir, [Symbol.asyncDispose]: async () => fs.promises.rm(dir, { recursive: true }) };
}

test('a process is told with its memory, descriptors and children, and its end is awaited', async () => {
  await using dir = temporaryDir();
  const shell = spawn('sh', ['-c', 'sleep 60 & echo started; wait'], {
    cwd: dir.path,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(shell.stdout, 'data');
  const pid = shell.pid ?? -1;
  expect(processFacts(pid)).toMatchObject({
    pid,
    parentPid: process.pid,
    threads: 1,
    command: 'sh -c sleep 60 & echo started; wait',
  });
  expect(processFacts(pid)?.descriptors).toBe(fs.readdirSync(`/proc/${pid}/fd`).length);
  expect(processFacts(pid)?.rssBytes).toBeGreaterThan(100_000);
  expect(children(process.pid)).toContain(pid);
  const [sleeping] = descendants(pid);
  expect(processFacts(sleeping ?? -1)?.command).toBe('sleep 60');
  expect(new Set(processesOf(dir.path).map((facts) => facts.pid))).toEqual(new Set([pid, sleeping]));
  await expect(ended(pid, 30)).rejects.toThrow('did not end within 30 ms');
  for (const one of [pid, sleeping ?? -1]) process.kill(one, 'SIGKILL');
  await ended(pid, 5000);
  await ended(sleeping ?? -1, 5000);
  expect(isRunning(pid)).toBe(false);
  expect(processesOf(dir.path)).toEqual([]);
});

test('a process that only has a file of the directory open is found', async () => {
  await using dir = temporaryDir();
  const file = fs.openSync(path.join(dir.path, 'open'), 'w');
  const child = spawn('sleep', ['60'], { cwd: '/', stdio: ['ignore', file, 'ignore'] });
  await once(child, 'spawn');
  fs.closeSync(file);
  expect(processesOf(dir.path).map((facts) => facts.pid)).toEqual([child.pid]);
  child.kill('SIGKILL');
  await once(child, 'close');
});

test('sockets and FIFOs are found at any depth, files are not', async () => {
  await using dir = temporaryDir();
  fs.mkdirSync(path.join(dir.path, 'a/b'), { recursive: true });
  fs.writeFileSync(path.join(dir.path, 'a/file'), '');
  execFileSync('mkfifo', [path.join(dir.path, 'a/b/fifo')]);
  await using server = net.createServer().listen(path.join(dir.path, 'a/socket'));
  await once(server, 'listening');
  expect(specialFiles(dir.path).toSorted()).toEqual(['a/b/fifo', 'a/socket']);
  expect(specialFiles(path.join(dir.path, 'none'))).toEqual([]);
});
