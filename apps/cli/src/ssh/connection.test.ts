import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it as test } from 'vitest';
import { readProcessEnvironment } from '../process-environment.ts';
import { skipWithoutSshd, startSshd, type Sshd } from '../testing/sshd.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { openConnection, type ConnectionContext } from './connection.ts';
import type { ServerAddress } from './server-address.ts';

/** Skipped where openssh-server is not installed. */
const it = skipWithoutSshd ? test.skip : test;

const context = (sshd: Sshd, temp: string, more: Partial<ConnectionContext> = {}): ConnectionContext => ({
  env: readProcessEnvironment().variables,
  sshConfigFile: sshd.configFile,
  tempDirectories: [temp],
  interactive: false,
  signal: new AbortController().signal,
  ...more,
});

const addressOf = (sshd: Sshd, socketPath: string, more: object = {}): ServerAddress => ({
  kind: 'ssh',
  name: 'test',
  host: '127.0.0.1',
  port: sshd.port,
  user: sshd.user,
  keyFile: null,
  socketPath,
  ...more,
});

/** A Unix socket server that answers every connection with a greeting. */
async function listen(socketPath: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.end('hello over ssh'));
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

const readAll = async (socketPath: string): Promise<string> => text(connect(socketPath));

it('forwards the remote socket, runs quoted commands, and leaves nothing behind', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  const remote = path.join(sshd.directory, 'tako.sock');
  await using _server = await listen(remote);
  {
    await using connection = await openConnection(addressOf(sshd, remote), context(sshd, temp.path));
    expect(await readAll(connection.socketPath)).toBe('hello over ssh');
    expect(await readAll(connection.socketPath)).toBe('hello over ssh');
    const result = await connection.exec(['printf', '%s|', 'a b', "it's", '$(id)', '`x`', '"', '']);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'a b|it\'s|$(id)|`x`|"||' });
    expect((await readdir(path.dirname(connection.socketPath))).sort()).toEqual(['c', 'm']);
  }
  expect(await readdir(temp.path)).toEqual([]);
});

it('tells a key that is not accepted, an unknown host key and a changed one', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  const fail = openConnection.bind(null, addressOf(sshd, '/nowhere'));
  await sshd.setAuthorized(false);
  await expect(fail(context(sshd, temp.path))).rejects.toMatchObject({
    code: 'SSH_AUTH_FAILED',
    message: expect.stringContaining('Permission denied (publickey)'),
    hint: expect.stringContaining(`ssh -p ${sshd.port}`),
  });
  await sshd.setAuthorized(true);
  await sshd.setKnownHostKey('none');
  await expect(fail(context(sshd, temp.path))).rejects.toMatchObject({ code: 'SSH_HOST_KEY_UNKNOWN' });
  await sshd.setKnownHostKey('other');
  await expect(fail(context(sshd, temp.path))).rejects.toMatchObject({
    code: 'SSH_HOST_KEY_CHANGED',
    hint: expect.stringContaining(`ssh-keygen -R "[127.0.0.1]:${sshd.port}"`),
  });
  expect(await readdir(temp.path)).toEqual([]);
});

it('says when nothing listens, and when the name does not resolve', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await sshd.stop();
  await expect(openConnection(addressOf(sshd, '/x'), context(sshd, temp.path))).rejects.toMatchObject({
    code: 'SSH_UNREACHABLE',
    message: expect.stringContaining('Connection refused'),
  });
  const nowhere = addressOf(sshd, '/x', { host: 'no-such-host.invalid' });
  await expect(openConnection(nowhere, context(sshd, temp.path))).rejects.toMatchObject({
    code: 'SSH_UNREACHABLE',
  });
});

it('explains a refused management socket in ssh words: not there, and not allowed', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using connection = await openConnection(
    addressOf(sshd, '/nowhere/tako.sock'),
    context(sshd, temp.path),
  );
  expect(await readAll(connection.socketPath)).toBe('');
  expect(await connection.explain(new Error('socket hang up'))).toMatchObject({
    code: 'SSH_FORWARD_FAILED',
    message: expect.stringContaining('open failed'),
    hint: expect.stringContaining('/nowhere/tako.sock'),
  });
  await using strict = await startSshd('AllowStreamLocalForwarding no');
  await using refused = await openConnection(
    addressOf(strict, '/nowhere/tako.sock'),
    context(strict, temp.path),
  );
  expect(await readAll(refused.socketPath)).toBe('');
  expect(await refused.explain(new Error('socket hang up'))).toMatchObject({ code: 'SSH_FORWARD_FAILED' });
});

it('says that the connection was lost when sshd dies in the middle', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using connection = await openConnection(addressOf(sshd, '/x'), context(sshd, temp.path));
  const lost = once(connection.lost, 'abort');
  await sshd.stop();
  await lost;
  expect(connection.lost.reason).toMatchObject({
    code: expect.stringMatching(/^SSH_(?:CONNECTION_LOST|UNREACHABLE)$/),
  });
});

it('stops connecting on abort', async () => {
  await using temp = await openTempDirectory('t-');
  await using sshd = await startSshd();
  // A port that accepts and never speaks.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const abort = new AbortController();
  const accepted = once(silent, 'connection');
  const opening = openConnection(
    addressOf(sshd, '/x', { port }),
    context(sshd, temp.path, { signal: abort.signal }),
  );
  const [socket] = await accepted;
  abort.abort();
  await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
  socket.destroy();
  silent.close();
  expect(await readdir(temp.path)).toEqual([]);
});

it('takes ssh and the sockets down even when the process holding them is killed', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  const holder = path.join(import.meta.dirname, '..', 'testing', 'fixtures', 'hold-connection.ts');
  const child = spawn(
    process.execPath,
    ['--conditions=source', holder, String(sshd.port), sshd.user, sshd.configFile, temp.path],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(child.stdout, 'data');
  const socketPath = String(line).trim();
  expect(existsSync(socketPath)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => readdir(temp.path), { timeout: 5000 }).toEqual([]);
  expect(await sshProcessesNaming(temp.path)).toEqual([]);
});

async function sshProcessesNaming(word: string): Promise<string[]> {
  return new Promise((resolve) => {
    execFile('ps', ['-eo', 'args'], (_error, stdout) =>
      resolve(stdout.split('\n').filter((line) => line.startsWith('ssh') && line.includes(word))),
    );
  });
}
