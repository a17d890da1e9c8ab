// A real OpenSSH server on loopback with keys, client configuration and known hosts of its own, for deploys over
// SSH. It serves the user who runs the tests, and needs nothing of that user's ~/.ssh.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type CapturedProcess, startCaptured } from './captured-process.ts';
import { freePort } from './free-port.ts';
import { descendants, ended } from './processes.ts';

const run = promisify(execFile);
const SSHD = '/usr/sbin/sshd';
/** A free port may be taken between its choice and sshd's bind. */
const TRIES_MAX = 5;

export interface Sshd extends AsyncDisposable {
  /** Always 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** For `ssh -F`, and for TAKO_SSH_CONFIG: `Host *` with this key and these known hosts. */
  readonly configFile: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** The public host key, as in known_hosts. */
  readonly hostKey: string;
  log(): string;
  /** Cuts every open session, as a broken network would; new ones are accepted. How many processes were cut. */
  cutSessions(): number;
}

export async function startSshd(): Promise<Sshd> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-sshd-'));
  const [keyFile, hostKeyFile] = [path.join(dir, 'id_ed25519'), path.join(dir, 'host_ed25519')];
  for (const file of [keyFile, hostKeyFile])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'tako-test', '-f', file]);
  await fs.copyFile(`${keyFile}.pub`, path.join(dir, 'authorized_keys'));
  // Where sshd, as root, insists on its empty directory (sshd(8), FILES).
  if (process.getuid?.() === 0) await fs.mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const { port, sshd } = await listen(dir, hostKeyFile);
  const { username: user } = os.userInfo();
  const hostKey = (await fs.readFile(`${hostKeyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  const [configFile, knownHostsFile] = [path.join(dir, 'ssh_config'), path.join(dir, 'known_hosts')];
  await fs.writeFile(
    knownHostsFile,
    ['127.0.0.1', 'localhost', '::1'].map((name) => `[${name}]:${port} ${hostKey}\n`).join(''),
  );
  await fs.writeFile(configFile, clientConfig({ user, keyFile, knownHostsFile }));
  return {
    host: '127.0.0.1',
    port,
    user,
    configFile,
    keyFile,
    knownHostsFile,
    hostKey,
    log: () => sshd.output(),
    cutSessions: () => killAll(descendants(sshd.pid)),
    [Symbol.asyncDispose]: async () => {
      const sessions = descendants(sshd.pid);
      sshd.child.kill('SIGTERM');
      await sshd.exited;
      killAll(sessions);
      await Promise.all(sessions.map((pid) => ended(pid, 5000)));
      await fs.rm(dir, { recursive: true, force: true });
    },
  };
}

async function listen(
  dir: string,
  hostKeyFile: string,
): Promise<{ readonly port: number; readonly sshd: CapturedProcess }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const file = path.join(dir, 'sshd_config');
    await fs.writeFile(file, serverConfig({ port, hostKeyFile, dir }));
    const sshd = await startCaptured(SSHD, ['-D', '-e', '-f', file], {});
    try {
      await sshd.printed(/Server listening on /);
      return { port, sshd };
    } catch (error) {
      sshd.child.kill('SIGKILL');
      if (tries === TRIES_MAX || !sshd.output().includes('Address already in use')) throw error;
    }
  }
}

function serverConfig(of: {
  readonly port: number;
  readonly hostKeyFile: string;
  readonly dir: string;
}): string {
  return `Port ${of.port}
ListenAddress 127.0.0.1
HostKey ${of.hostKeyFile}
PidFile none
AuthorizedKeysFile ${of.dir}/authorized_keys
# The temp directory is writable by all; sshd would refuse keys below it.
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowStreamLocalForwarding yes
AllowTcpForwarding yes
AllowAgentForwarding no
X11Forwarding no
MaxStartups 200
MaxSessions 100
LogLevel VERBOSE
`;
}

function clientConfig(of: {
  readonly user: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
}): string {
  return `Host *
  User ${of.user}
  IdentityFile ${of.keyFile}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${of.knownHostsFile}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  ForwardAgent no
  BatchMode yes
`;
}

function killAll(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ESRCH: it has ended by itself.
    }
  }
  return pids.length;
}
