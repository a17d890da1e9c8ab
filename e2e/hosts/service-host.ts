// A host with the server installed and an app that answers the load generator: what the stories about the service start
// from. And what such stories ask: which processes are there, what systemd thinks of the service.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ManagementClient } from '@tako/protocol/client';
import { type Artifact, deployed, hostOf, packArchive } from '../support/test-release.ts';
import { type ServerArchive, connectToServer, installServer, packServer } from './install-server.ts';
import { type NspawnHost, startHost } from './nspawn-host.ts';

const loadApp = path.resolve(import.meta.dirname, '../fixtures/load-app');

export interface ServiceHost extends AsyncDisposable {
  readonly host: NspawnHost;
  readonly archive: ServerArchive;
  /** What the installer said. */
  readonly installed: string;
}

export async function startServiceHost(): Promise<ServiceHost> {
  await using undo = new AsyncDisposableStack();
  const archive = undo.use(await packServer());
  const host = undo.use(await startHost());
  const installed = await installServer(host, archive);
  const resources = undo.move();
  return { host, archive, installed, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

export async function loadAppArchive(): Promise<Artifact> {
  const names = ['main.js', 'pattern.js', 'websocket.js', 'package.json'];
  return packArchive(
    await Promise.all(names.map(async (name) => ({ name, body: await readFile(path.join(loadApp, name)) }))),
  );
}

/** The name under which the load app is reached. */
export const loadAppHost = hostOf('web');

export async function deployLoadApp(
  client: ManagementClient,
  options: { readonly version: string; readonly instances?: number },
): Promise<void> {
  await deployed(client, {
    id: 'web',
    version: options.version,
    archive: await loadAppArchive(),
    manifest: {
      main: 'main.js',
      start: ['node', 'main.js'],
      health_path: '/healthz',
      instances: options.instances ?? 1,
    },
  });
}

export async function withServer<T>(
  host: NspawnHost,
  work: (client: ManagementClient) => Promise<T>,
): Promise<T> {
  await using client = await connectToServer(host);
  return await work(client);
}

/** `systemctl show`, as an object. */
export async function serviceFacts(host: NspawnHost): Promise<Readonly<Record<string, string>>> {
  const names = 'ActiveState,SubState,MainPID,NRestarts,Result,StatusText,NotifyAccess';
  const text = await host.sh(`systemctl show tako-server.service -p ${names}`);
  return Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

export interface HostProcess {
  readonly pid: number;
  readonly uid: number;
  readonly command: string;
  /** Hex, as in /proc/pid/status. */
  readonly capabilities: string;
}

/** All processes of the service, by its control group. */
export async function serviceProcesses(host: NspawnHost): Promise<HostProcess[]> {
  const script = `
    for pid in $(cat /sys/fs/cgroup/systemd/system.slice/tako-server.service/cgroup.procs /sys/fs/cgroup/system.slice/tako-server.service/cgroup.procs 2>/dev/null | sort -un); do
      [ -r /proc/$pid/status ] || continue
      printf '%s %s %s %s\\n' "$pid" "$(sed -n 's/^Uid:\\t\\([0-9]*\\).*/\\1/p' /proc/$pid/status)" "$(sed -n 's/^CapEff:\\t//p' /proc/$pid/status)" "$(tr '\\0' ' ' < /proc/$pid/cmdline)"
    done`;
  const text = await host.sh(script);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [pid = '', uid = '', capabilities = '', ...command] = line.split(' ');
      return { pid: Number(pid), uid: Number(uid), capabilities, command: command.join(' ').trim() };
    });
}
