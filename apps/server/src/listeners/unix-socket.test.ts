// HTTP on Unix sockets: served beside the ports, stale files swept, living ones and other files left alone.
import { once } from 'node:events';
import { closeSync, existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { isTakoError } from '@tako/config';
import { expect, test } from 'vitest';
import { plainApp, quickRollout } from '../testing/apps.ts';
import { runDaemon } from '../testing/running-daemon.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { bindUnixSocket } from './unix-socket.ts';

function ask(socketPath: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath, headers: { host: 'web.example.com' }, agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(response));
      })
      .on('error', reject);
  });
}

function refusalOf(place: string): string {
  try {
    closeSync(bindUnixSocket(place));
    return 'bound';
  } catch (error) {
    return isTakoError(error) ? `${error.code} ${String(error.details['errno'])}` : String(error);
  }
}

test('a path and an abstract name are served by the workers; the file goes with the server', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'http.sock');
  const name = `@tako-listen-${process.pid}`;
  const running = await runDaemon({
    flags: ['--listen-unix', file, '--listen-unix', name, '--workers', '1'],
  });
  try {
    await running.deploy({
      version: 'v1',
      files: plainApp('v1'),
      manifest: { rollout: quickRollout, https_redirect: false },
    });
    expect((await ask(file)).statusCode).toBe(200);
    expect((await ask(name.replace('@', '\0'))).statusCode).toBe(200);
    expect(statSync(file).mode & 0o777).toBe(0o666);
    const { ports } = await running.client.api.server_info.query(undefined);
    expect(ports.http).toEqual([`127.0.0.1:${running.httpPort}`, file, name]);
  } finally {
    await running[Symbol.asyncDispose]();
  }
  expect(existsSync(file)).toBe(false);
});

test('the file of a listener that is gone makes place; a living one and other files do not', async () => {
  await using directory = await temporaryDirectory();
  const stale = path.join(directory.path, 'stale.sock');
  closeSync(bindUnixSocket(stale));
  expect(existsSync(stale)).toBe(true);
  expect(refusalOf(stale)).toBe('bound');

  const living = path.join(directory.path, 'living.sock');
  const server = net.createServer().listen(living);
  await once(server, 'listening');
  expect(refusalOf(living)).toBe('LISTEN_FAILED EADDRINUSE');
  await once(server.close(), 'close');

  const plain = path.join(directory.path, 'plain');
  await writeFile(plain, 'kept');
  expect(refusalOf(plain)).toBe('LISTEN_FAILED EEXIST');
  expect(refusalOf(path.join(directory.path, 'no', 'folder.sock'))).toBe('LISTEN_FAILED ENOENT');
  expect(refusalOf(`/${'x'.repeat(200)}`)).toBe('LISTEN_FAILED EINVAL');
  const held = bindUnixSocket(`@tako-held-${process.pid}`);
  expect(refusalOf(`@tako-held-${process.pid}`)).toBe('LISTEN_FAILED EADDRINUSE');
  closeSync(held);
});
