// What the commands of operators are tried on: two real servers that run the same app, one reached over a real sshd,
// one by its socket, and a TAKO_HOME that knows both.
import fs from 'node:fs/promises';
import path from 'node:path';
import { followDaemon, type DaemonChain } from '../handoff/daemon-chain.ts';
import { makeHome } from '../cli/home.ts';
import { ask } from '../support/http-get.ts';
import { runTako, startTako, type TakoOptions, type TakoResult } from '../support/run-tako.ts';
import type { CapturedProcess } from '../support/captured-process.ts';
import { startServer, type RunningServer } from '../support/start-server.ts';
import { startSshd, type Sshd } from '../support/sshd.ts';
import { deployed, type TestRelease } from '../support/test-release.ts';

export interface TwoServers extends AsyncDisposable {
  /** Over ssh. */
  readonly far: RunningServer;
  /** By its socket. */
  readonly near: RunningServer;
  /** Who leads them after reloads and crashes. */
  readonly daemons: { readonly far: DaemonChain; readonly near: DaemonChain };
  readonly sshd: Sshd;
  readonly home: string;
  tako(args: readonly string[], options?: Partial<TakoOptions>): Promise<TakoResult>;
  start(args: readonly string[]): Promise<CapturedProcess>;
}

export async function startTwoServers(release: TestRelease): Promise<TwoServers> {
  await using cleanup = new AsyncDisposableStack();
  const home = cleanup.use(await makeHome());
  const [far, near] = await Promise.all([startServer({ workers: 1 }), startServer({ workers: 1 })]);
  cleanup.use(far);
  cleanup.use(near);
  const daemons = { far: cleanup.use(followDaemon(far)), near: cleanup.use(followDaemon(near)) };
  const sshd = cleanup.use(await startSshd());
  await Promise.all([far, near].map(({ client }) => deployed(client, release)));
  const { host, port, user } = sshd;
  await fs.writeFile(
    path.join(home.dir, 'config.toml'),
    `[[servers]]
name = "far"
host = "${host}"
port = ${port}
user = "${user}"
socket = "${far.socketPath}"
[[servers]]
name = "near"
host = "unix:${near.socketPath}"
`,
  );
  const options = { cwd: home.dir, home: home.dir, env: { TAKO_SSH_CONFIG: sshd.configFile } };
  const kept = cleanup.move();
  return {
    far,
    near,
    daemons,
    sshd,
    home: home.dir,
    tako: (args, more) => runTako(args, { ...options, ...more, env: { ...options.env, ...more?.env } }),
    start: (args) => startTako(args, options),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The app `says` prints it. */
export async function say(
  server: RunningServer,
  text: string,
  stream: 'say' | 'shout' = 'say',
): Promise<void> {
  const query = `/${stream}?text=${encodeURIComponent(text)}`;
  const { status } = await ask({ port: server.httpPort, host: 'web.example.com', path: query });
  if (status !== 200) throw new Error(`the app answered ${status}`);
}
