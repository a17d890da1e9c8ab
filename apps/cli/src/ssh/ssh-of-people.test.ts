// ssh as people have it: everything below stands in an ssh_config, an agent or a known_hosts of the test's own, and is
// never told to Tako.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, it as test } from 'vitest';
import { readProcessEnvironment } from '../process-environment.ts';
import { skipWithoutSshd, startSshd, type Sshd } from '../testing/sshd.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { openConnection, type ConnectionContext } from './connection.ts';
import type { ServerAddress } from './server-address.ts';
import { readSshSettings } from './ssh-settings.ts';

const it = skipWithoutSshd ? test.skip : test;
const run = promisify(execFile);

interface Greeter extends AsyncDisposable {
  readonly socketPath: string;
}

/** Behind `sshd`: a Unix socket that sends back what it got. */
async function startEcho(sshd: Sshd): Promise<Greeter> {
  const socketPath = path.join(sshd.directory, 'echo.sock');
  const server = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  server.listen(socketPath);
  await once(server, 'listening');
  return { socketPath, [Symbol.asyncDispose]: async () => void server.close() };
}

async function echo(socketPath: string, words: string): Promise<string> {
  const socket = connect(socketPath);
  socket.end(words);
  return text(socket);
}

const alias = (socketPath: string, more: object = {}): ServerAddress => ({
  kind: 'ssh',
  name: 'web1',
  host: 'my-server',
  port: 22,
  user: readProcessEnvironment().user,
  keyFile: null,
  socketPath,
  ...more,
});

const contextOf = (
  sshConfigFile: string,
  temp: string,
  more: Partial<ConnectionContext> = {},
): ConnectionContext => ({
  env: readProcessEnvironment().variables,
  sshConfigFile,
  tempDirectories: [temp],
  interactive: false,
  signal: new AbortController().signal,
  ...more,
});

/** An ssh_config of these lines over the test's known hosts. */
async function configOf(sshd: Sshd, lines: readonly string[]): Promise<string> {
  const file = path.join(sshd.directory, 'my_config');
  const hosts = `UserKnownHostsFile ${sshd.directory}/known_hosts\nGlobalKnownHostsFile /dev/null\n`;
  await writeFile(file, `${hosts}${lines.join('\n')}\n`);
  return file;
}

const hostBlock = (sshd: Sshd, more: readonly string[] = []): string[] => [
  'Host my-server',
  'HostName 127.0.0.1',
  `Port ${sshd.port}`,
  ...more,
];

it('goes by an alias: host name, port, key and known host are those of ssh_config', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const config = await configOf(sshd, hostBlock(sshd, ['User deploy', `IdentityFile ${sshd.keyFile}`]));
  await using connection = await openConnection(alias(server.socketPath), contextOf(config, temp.path));
  expect(await echo(connection.socketPath, 'hello')).toBe('hello');
  const { variables: env } = readProcessEnvironment();
  const signal = new AbortController().signal;
  expect(await readSshSettings('my-server', { env, configFile: config, signal })).toEqual({
    user: 'deploy',
    port: sshd.port,
    hostName: '127.0.0.1',
  });
});

it('uses a key that only the agent has', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const { variables } = readProcessEnvironment();
  const socket = path.join(temp.path, 'agent');
  const { stdout } = await run('ssh-agent', ['-a', socket]);
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
  try {
    const env = { ...variables, SSH_AUTH_SOCK: socket };
    const config = await configOf(sshd, hostBlock(sshd, ['IdentityFile none']));
    const context = contextOf(config, temp.path, { env });
    await expect(openConnection(alias(server.socketPath), context)).rejects.toMatchObject({
      code: 'SSH_AUTH_FAILED',
    });
    await run('ssh-add', ['-q', sshd.keyFile], { env });
    await using connection = await openConnection(alias(server.socketPath), context);
    expect(await echo(connection.socketPath, 'hello')).toBe('hello');
  } finally {
    process.kill(pid);
  }
});

it('goes over a jump host', async () => {
  await using jump = await startSshd();
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const jumpKnownHosts = path.join(jump.directory, 'known_hosts');
  const config = await configOf(sshd, [
    ...hostBlock(sshd, [`IdentityFile ${sshd.keyFile}`, 'ProxyJump the-jump']),
    'Host the-jump',
    'HostName 127.0.0.1',
    `Port ${jump.port}`,
    `IdentityFile ${jump.keyFile}`,
    `UserKnownHostsFile ${jumpKnownHosts}`,
  ]);
  // The first value counts in ssh_config(5), so that of the jump host must come before the general one.
  await writeFile(
    config,
    (await run('sed', ['1d', config])).stdout + `Host *\nUserKnownHostsFile ${sshd.directory}/known_hosts\n`,
  );
  await using connection = await openConnection(alias(server.socketPath), contextOf(config, temp.path));
  expect(await echo(connection.socketPath, 'hello')).toBe('hello');
  expect(jump.log()).toContain('Accepted publickey');
  await jump.stop();
  await expect.poll(() => connection.lost.aborted, { timeout: 10_000 }).toBe(true);
});

it('works over a slow line', { timeout: 30_000 }, async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const line = path.resolve(import.meta.dirname, '..', 'testing', 'fixtures', 'slow-line.ts');
  const config = await configOf(
    sshd,
    hostBlock(sshd, [
      `IdentityFile ${sshd.keyFile}`,
      // 16 KiB a second and 60 ms each way, as by satellite or a train's phone.
      `ProxyCommand ${process.execPath} ${line} 127.0.0.1 ${sshd.port} 16384 60`,
    ]),
  );
  await using connection = await openConnection(alias(server.socketPath), contextOf(config, temp.path));
  const words = 'x'.repeat(16 * 1024);
  expect(await echo(connection.socketPath, words)).toBe(words);
});

it('has one connection to the server, whatever goes over it', async () => {
  await using sshd = await startSshd('LogLevel VERBOSE');
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const config = await configOf(sshd, hostBlock(sshd, [`IdentityFile ${sshd.keyFile}`]));
  await using connection = await openConnection(alias(server.socketPath), contextOf(config, temp.path));
  const words = Array.from({ length: 10 }, (_, index) => `word ${index}`);
  expect(await Promise.all(words.map((word) => echo(connection.socketPath, word)))).toEqual(words);
  // sshd takes ten sessions at once over a connection (MaxSessions); the forwards are none.
  const some = words.slice(0, 3);
  const ran = await Promise.all(some.map((word) => connection.exec(['echo', word])));
  expect(ran.map(({ stdout }) => stdout.trim())).toEqual(some);
  expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(1);
});

it('takes another temporary directory where the path is too long for a socket', async () => {
  await using sshd = await startSshd();
  await using temp = await openTempDirectory('t-');
  await using server = await startEcho(sshd);
  const config = await configOf(sshd, hostBlock(sshd, [`IdentityFile ${sshd.keyFile}`]));
  const long = path.join(temp.path, 'x'.repeat(100));
  const context = contextOf(config, temp.path, { tempDirectories: [long, temp.path] });
  await using connection = await openConnection(alias(server.socketPath), context);
  expect(path.dirname(path.dirname(connection.socketPath))).toBe(temp.path);
  expect(await echo(connection.socketPath, 'hello')).toBe('hello');
  await expect(
    openConnection(alias(server.socketPath), { ...context, tempDirectories: [long] }),
  ).rejects.toMatchObject({ code: 'SSH_FORWARD_FAILED', hint: expect.stringContaining('TMPDIR') });
});
