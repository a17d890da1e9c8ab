// Puts this build of tako-server on a host the way `tako servers add --install` does: the packed archive copied over,
// packaging/install.sh run over SSH as root. Then speaks to it over its management socket.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ManagementClient, connect } from '@tako/protocol/client';
import { runCommand } from './commands.ts';
import { installTimeoutMs } from './limits.ts';
import type { NspawnHost } from './nspawn-host.ts';

const root = path.resolve(import.meta.dirname, '../..');
const installer = path.join(root, 'packaging/install.sh');

export interface ServerArchive extends AsyncDisposable {
  readonly file: string;
  readonly sha256: string;
  readonly version: string;
}

/** Not compressed: it is copied once and thrown away. `version`: another number for the same build. */
export async function packServer(version = '0.0.0-test'): Promise<ServerArchive> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tako-archive-'));
  const file = path.join(directory, 'server.tar');
  try {
    const script = path.join(root, 'scripts/pack-server.mjs');
    await runCommand([process.execPath, script, '--out', file, '--version', version], {
      timeoutMs: installTimeoutMs,
    });
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    const remove = () => rm(directory, { recursive: true, force: true });
    return { file, sha256: hash.digest('hex'), version, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Where the archive lies on the host then. */
export async function sendArchive(host: NspawnHost, archive: ServerArchive): Promise<string> {
  const place = `/var/tmp/${path.basename(path.dirname(archive.file))}.tar`;
  await copyFile(archive.file, path.join(host.rootDir, place));
  return place;
}

/** Over SSH, the script on its standard input: nothing of ours has to be there before. Resolves to what it said. */
export async function runInstaller(
  host: NspawnHost,
  args: readonly string[],
  options: { readonly user?: string; readonly mayFail?: boolean } = {},
): Promise<string> {
  const words = args.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
  const input = await readFile(installer, 'utf8');
  const { stdout, stderr } = await host.sshRun(`sh -s -- ${words}`, {
    ...options,
    input,
    timeoutMs: installTimeoutMs,
  });
  return `${stdout}${stderr}`;
}

export async function installServer(host: NspawnHost, archive: ServerArchive): Promise<string> {
  const place = await sendArchive(host, archive);
  const { publicKey } = host.ssh;
  try {
    return await runInstaller(host, [
      'install',
      '--archive',
      place,
      '--sha256',
      archive.sha256,
      '--ssh-key',
      publicKey,
    ]);
  } catch (error) {
    const journal = await host.journal('tako-server').catch(String);
    throw new Error(`the server could not be installed: ${String(error)}\n${journal}`, { cause: error });
  } finally {
    await rm(path.join(host.rootDir, place), { force: true });
  }
}

/** The management socket of the host, reached through /proc: its /run is another mount than rootDir shows. */
export function connectToServer(host: NspawnHost): Promise<ManagementClient> {
  return connect({ socketPath: `/proc/${host.leader}/root/run/tako/tako.sock` });
}
