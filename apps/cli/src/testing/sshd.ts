// A real sshd on loopback for one test: own host key, own user key, own config, a free port, and an ssh config for the
// client. Runs as whoever runs the test.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { readProcessEnvironment } from '../process-environment.ts';
import { openTempDirectory } from './temp-directory.ts';

const run = promisify(execFile);

/** Where Debian puts it. TAKO_TEST_ALL makes a missing one a failure instead of a skip (spec 90). */
export const skipWithoutSshd =
  !existsSync('/usr/sbin/sshd') && readProcessEnvironment().variables['TAKO_TEST_ALL'] !== '1';

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  /** For `TAKO_SSH_CONFIG`: known_hosts and key of this server, nothing of the machine's own. */
  readonly configFile: string;
  readonly directory: string;
  /** Puts another key, or none, into known_hosts. */
  setKnownHostKey(key: 'right' | 'other' | 'none'): Promise<void>;
  setAuthorized(authorized: boolean): Promise<void>;
  /** What sshd has logged. */
  log(): string;
  /** Kills every connection; new ones are accepted. */
  cut(): Promise<void>;
  /** Kills every connection and the listener. */
  stop(): Promise<void>;
}

export async function startSshd(extraConfig = ''): Promise<Sshd> {
  const dir = await openTempDirectory('tako-sshd-');
  const at = (name: string): string => path.join(dir.path, name);
  for (const key of ['host', 'other-host', 'user']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', at(key)]);
  }
  const publicKey = async (key: string): Promise<string> => (await readFile(at(`${key}.pub`), 'utf8')).trim();
  const port = await freePort();
  await dir.write({
    sshd_config: [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `PidFile ${at('pid')}`,
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      'UsePAM no',
      'MaxStartups 100',
      extraConfig,
      '',
    ].join('\n'),
    client_config: [
      'Host *',
      `  UserKnownHostsFile ${at('known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
      `  IdentityFile ${at('user')}`,
      '  IdentitiesOnly yes',
      '',
    ].join('\n'),
  });
  const setKnownHostKey = async (key: 'right' | 'other' | 'none'): Promise<void> => {
    const line =
      key === 'none'
        ? ''
        : `[127.0.0.1]:${port} ${await publicKey(key === 'right' ? 'host' : 'other-host')}\n`;
    await writeFile(at('known_hosts'), line);
  };
  const setAuthorized = async (authorized: boolean): Promise<void> =>
    writeFile(at('authorized_keys'), authorized ? `${await publicKey('user')}\n` : '');
  await setKnownHostKey('right');
  await setAuthorized(true);
  // Only an sshd of root wants its privilege separation directory, and only root may make it.
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let log = '';
  const listening = Promise.withResolvers<void>();
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    if (log.includes('Server listening')) listening.resolve();
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  void closed.then(() => listening.reject(new Error(`sshd ended:\n${log}`)));
  await listening.promise;
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // Each connection is a process in a session of its own (setsid), so the tree is walked before its root goes.
    for (const pid of [child.pid!, ...(await descendantsOf(child.pid!))]) killQuietly(pid);
    await closed;
  };
  return {
    port,
    user: os.userInfo().username,
    keyFile: at('user'),
    configFile: at('client_config'),
    directory: dir.path,
    setKnownHostKey,
    setAuthorized,
    log: () => log,
    cut: async () => {
      for (const pid of await descendantsOf(child.pid!)) killQuietly(pid);
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** proc(5): the fourth field of stat is the parent. */
async function descendantsOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const found = [root];
  for (const ancestor of found) {
    for (const [pid, parent] of parents) if (parent === ancestor) found.push(pid);
  }
  return found.slice(1);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
