// Keys for a host, made for one test: its root and later users accept them, its own host key is known.
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './commands.ts';

export interface SshAccess {
  /** For `ssh -F`, and for TAKO_SSH_CONFIG. */
  readonly configFile: string;
  readonly keyFile: string;
  /** One line for an authorized_keys file. */
  readonly publicKey: string;
  readonly knownHostsFile: string;
}

/** Written into the host's tree before it boots. */
export async function allowSsh(of: {
  readonly directory: string;
  readonly rootDir: string;
  readonly address: string;
}): Promise<SshAccess> {
  const keyFile = path.join(of.directory, 'id_ed25519');
  await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'tako-test', '-f', keyFile]);
  const publicKey = (await readFile(`${keyFile}.pub`, 'utf8')).trim();
  const ssh = path.join(of.rootDir, 'root/.ssh');
  await mkdir(ssh, { recursive: true, mode: 0o700 });
  await writeFile(path.join(ssh, 'authorized_keys'), `${publicKey}\n`, { mode: 0o600 });
  await chown(ssh, 0, 0);
  // Made by Debian when the package was installed; a copy has the same.
  const hostKey = await readFile(path.join(of.rootDir, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8');
  const knownHostsFile = path.join(of.directory, 'known_hosts');
  await writeFile(knownHostsFile, `${of.address} ${hostKey.split(' ').slice(0, 2).join(' ')}\n`);
  const configFile = path.join(of.directory, 'ssh_config');
  await writeFile(configFile, clientConfig(keyFile, knownHostsFile));
  return { configFile, keyFile, publicKey, knownHostsFile };
}

function clientConfig(keyFile: string, knownHostsFile: string): string {
  return `Host *
  IdentityFile ${keyFile}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${knownHostsFile}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  ForwardAgent no
  BatchMode yes
  ConnectTimeout 10
`;
}
