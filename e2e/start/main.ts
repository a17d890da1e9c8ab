// `npm start`: the main job, seen. A server, an example app, traffic, a second version deployed under that traffic,
// the result; then it stays up with URLs to try. `--once` ends after the summary.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startLoad } from '../load/load-generator.ts';
import type { Report } from '../load/load-generator.ts';
import { createExampleProject } from '../support/example-project.ts';
import type { ExampleProject } from '../support/example-project.ts';
import { startServer } from '../support/start-server.ts';
import type { RunningServer } from '../support/start-server.ts';
import { runTako } from '../support/run-tako.ts';
import { say, secondsSince, table } from './terminal.ts';

const once = process.argv.includes('--once');
const appHost = 'hello.localhost';
/** Traffic before and after the second deploy, so that there is a before and an after. */
const settleMs = 1500;

const takoToml = `name = "hello"
runtime = "node"
main = "src/main.ts"
instances = 2

[rollout]
stable_s = 1

[envs.production]
route = "${appHost}"
servers = ["here"]
`;

interface Demo {
  readonly server: RunningServer;
  readonly project: ExampleProject;
  readonly home: string;
}

function urlOf(server: RunningServer): string {
  return `https://${appHost}:${server.httpsPort}`;
}

async function deploy(demo: Demo, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const result = await runTako(['deploy', '--env', 'production', '--yes', '--json'], {
    cwd: demo.project.appDir,
    home: demo.home,
  });
  if (result.exitCode !== 0)
    throw new Error(`tako deploy failed with exit code ${result.exitCode}:\n${result.output}`);
  const { deployments } = await demo.server.client.api.status.query({ deploymentId: 'hello' });
  const version = deployments[0]?.version ?? 'unknown';
  say(
    'ok',
    `version ${version} serves, on ${deployments[0]?.instancesWanted} instances`,
    secondsSince(startedAt),
  );
}

function startTraffic(server: RunningServer) {
  return startLoad({
    url: urlOf(server),
    address: '127.0.0.1',
    paths: ['/', '/api/hello?name=tako', '/api/slow?ms=200'],
    clients: { fresh: 4, keepAlive: 12 },
    thinkMs: 5,
  });
}

function summarize(report: Report): void {
  const kept = report.byKind.keepAlive;
  const versions = Object.entries(report.versions).map(([version, count]) => `${version}: ${count}`);
  table([
    ['requests', String(report.sent)],
    ['failed', String(report.failed)],
    ['by version', versions.join(', ')],
    [
      'answered in',
      `p50 ${kept?.p50Ms ?? 0} ms, p99 ${kept?.p99Ms ?? 0} ms (one path in three waits 200 ms on purpose)`,
    ],
  ]);
  for (const { kind, stage, reason } of report.failures.slice(0, 5))
    process.stdout.write(`  failed: ${kind} ${stage} ${reason}\n`);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function mainJob(demo: Demo, signal: AbortSignal): Promise<Report> {
  await deploy(demo, signal);
  await using traffic = startTraffic(demo.server);
  say('ok', 'traffic: 16 clients over HTTPS, new connections and kept-alive ones', null);
  await pause(settleMs, signal);
  await demo.project.commitEdit('src/main.ts', (text) =>
    text.replace('Hello from Tako', 'Hello again from Tako'),
  );
  await deploy(demo, signal);
  await pause(settleMs, signal);
  const report = await traffic.stop();
  process.stdout.write('\n');
  summarize(report);
  return report;
}

function invite({ server, project, home }: Demo): void {
  const here = path.relative(process.cwd(), path.resolve(import.meta.dirname, '../..')) || '.';
  process.stdout.write(`
It stays up. Try:

  open  ${urlOf(server)}/        (self-signed: your browser asks)
  curl -k ${urlOf(server)}/api/hello
  TAKO_HOME=${home} ${here}/bin/tako status -c ${path.join(project.appDir, 'tako.toml')}
  TAKO_HOME=${home} ${here}/bin/tako logs --follow -c ${path.join(project.appDir, 'tako.toml')}

The project is ${project.appDir}: edit src/main.ts and deploy it again. Ctrl-C stops everything and leaves nothing.
`);
}

async function demonstrate(signal: AbortSignal): Promise<number> {
  const home = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-home-'));
  await using resources = new AsyncDisposableStack();
  resources.defer(() => fs.rm(home, { recursive: true, force: true }));
  const startedAt = performance.now();
  process.stdout.write('\nTako: run web apps on your own servers, without containers.\n\n');
  const server = resources.use(await startServer());
  say(
    'ok',
    `tako-server ${server.pid}: http ${server.httpPort}, https ${server.httpsPort}, 2 workers, state in SQLite`,
    secondsSince(startedAt),
  );
  await fs.writeFile(
    path.join(home, 'config.toml'),
    `[[servers]]\nname = "here"\nhost = "unix:${server.socketPath}"\n`,
  );
  const project = resources.use(await createExampleProject('sdk-fetch', { takoToml }));
  const demo = { server, project, home };
  const report = await mainJob(demo, signal);
  if (!once && !signal.aborted) {
    invite(demo);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  process.stdout.write('\nStopping ...\n');
  return report.failed === 0 ? 0 : 1;
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => interrupted.abort(new Error('interrupted')));
try {
  process.exitCode = await demonstrate(interrupted.signal);
} catch (error) {
  if (!interrupted.signal.aborted)
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
