// The load app on a real server, in releases that the real command built and sent, and the changes that the tests
// make to it through the typed client, each under the deployment's lock.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { RolloutEvent } from '@tako/protocol';
import { withLock } from '@tako/protocol/client';
import { createExampleProject } from '../support/example-project.ts';
import type { ExampleProject } from '../support/example-project.ts';
import { runTako } from '../support/run-tako.ts';
import type { RunningServer, ServerOptions } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';

export const deploymentId = 'load-app';
const host = 'load.example.com';
const appPath = path.resolve(import.meta.dirname, '../fixtures/load-app');

/** Of tako.toml, in seconds. */
export interface RolloutSettings {
  readonly stable: number;
  readonly drainTimeout: number;
  readonly stopGrace: number;
}

/** Short, so that streams that never end by themselves are told soon; above what a body of the crowd takes. */
export const quickRollout: RolloutSettings = { stable: 0.2, drainTimeout: 1.5, stopGrace: 3 };

export type AppProtocol = 'http1' | 'h2c';

export type Deployed = Extract<RolloutEvent, { type: 'deployed' }>;

export interface Change {
  readonly what: string;
  readonly end: Deployed;
  readonly events: readonly RolloutEvent[];
}

export interface Stage extends AsyncDisposable {
  readonly server: RunningServer;
  readonly url: string;
  /** Commits a new version and deploys it with `tako deploy`; resolves with its version. Default: speaks HTTP/1.1. */
  ship(rollout?: RolloutSettings, protocol?: AppProtocol): Promise<string>;
  /** These reject, with all events, when the last one is not `deployed`. */
  deploy(version: string): Promise<Change>;
  rollback(): Promise<Change>;
  scale(instances: number): Promise<Change>;
  restart(): Promise<Change>;
  updateSecrets(secrets: Readonly<Record<string, string>>): Promise<Change>;
}

export interface StageOptions {
  readonly instances: number;
  readonly workers?: number;
  /** Another program than bin/tako-server. */
  readonly program?: string;
  /** Further choices of the server. */
  readonly server?: ServerOptions;
}

/** Call within a test. Nothing is deployed yet. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { workers = 2, program } = options;
  await using resources = new AsyncDisposableStack();
  const home = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-home-'));
  resources.defer(() => fs.rm(home, { recursive: true, force: true }));
  const server = resources.use(
    await startTestServer({ ...options.server, workers, ...(program === undefined ? {} : { program }) }),
  );
  await fs.writeFile(
    path.join(home, 'config.toml'),
    `[[servers]]\nname = "here"\nhost = "unix:${server.socketPath}"\n`,
  );
  const takoToml = takoTomlOf({ instances: options.instances, rollout: quickRollout, protocol: 'http1' });
  const project = resources.use(await createExampleProject(appPath, { takoToml }));
  return new LoadAppStage({ server, project, home, instances: options.instances }, resources.move());
}

interface Parts {
  readonly server: RunningServer;
  readonly project: ExampleProject;
  readonly home: string;
  readonly instances: number;
}

class LoadAppStage implements Stage {
  readonly server: RunningServer;
  readonly url: string;
  readonly #parts: Parts;
  readonly #resources: AsyncDisposableStack;
  #shipped = 0;

  constructor(parts: Parts, resources: AsyncDisposableStack) {
    this.#parts = parts;
    this.#resources = resources;
    this.server = parts.server;
    this.url = `https://${host}:${parts.server.httpsPort}`;
  }

  async ship(rollout: RolloutSettings = quickRollout, protocol: AppProtocol = 'http1'): Promise<string> {
    const { project, home, instances } = this.#parts;
    this.#shipped += 1;
    await project.commitChange('note.txt', `version ${this.#shipped}\n`);
    const takoToml = takoTomlOf({ instances, rollout, protocol });
    const current = await fs.readFile(path.join(project.appDir, 'tako.toml'), 'utf8');
    if (takoToml !== current) await project.commitChange('tako.toml', takoToml);
    const result = await runTako(['deploy', '--env', 'production', '--yes', '--json'], {
      cwd: project.appDir,
      home,
    });
    if (result.exitCode !== 0)
      throw new Error(`tako deploy ended with ${result.exitCode}:\n${result.output}`);
    const { deployments } = await this.server.client.api.status.query({ deploymentId });
    const version = deployments[0]?.version ?? null;
    if (version === null) throw new Error(`nothing is deployed after tako deploy:\n${result.output}`);
    return version;
  }

  deploy(version: string): Promise<Change> {
    const { api } = this.server.client;
    return this.#change('deploy', (token) =>
      api.deploy.mutate({ deploymentId, token, version, routes: [host] }),
    );
  }

  rollback(): Promise<Change> {
    return this.#change('rollback', (token) =>
      this.server.client.api.rollback.mutate({ deploymentId, token }),
    );
  }

  scale(instances: number): Promise<Change> {
    const { api } = this.server.client;
    return this.#change(`scale to ${instances}`, (token) =>
      api.scale.mutate({ deploymentId, token, instances }),
    );
  }

  restart(): Promise<Change> {
    return this.#change('restart', (token) => this.server.client.api.restart.mutate({ deploymentId, token }));
  }

  updateSecrets(secrets: Readonly<Record<string, string>>): Promise<Change> {
    const { api } = this.server.client;
    return this.#change('secret change', (token) =>
      api.update_secrets.mutate({ deploymentId, token, secrets }),
    );
  }

  async #change(
    what: string,
    call: (token: string) => Promise<AsyncIterable<RolloutEvent>>,
  ): Promise<Change> {
    const holder = { user: 'e2e', host: 'here', pid: process.pid, command: what };
    const events = await withLock(this.server.client, { deploymentId, holder }, async ({ token }) =>
      Array.fromAsync(await call(token)),
    );
    const end = events.at(-1);
    if (end?.type !== 'deployed') throw new Error(`${what} ended otherwise: ${JSON.stringify(events)}`);
    return { what, end, events };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface TakoTomlChoices {
  readonly instances: number;
  readonly rollout: RolloutSettings;
  readonly protocol: AppProtocol;
}

function takoTomlOf({ instances, rollout, protocol }: TakoTomlChoices): string {
  return `name = "${deploymentId}"
runtime = "node"
main = "main.js"
readiness = "http"
health_path = "/healthz"
instances = ${instances}
upstream_protocol = "${protocol}"

[vars]
LOAD_APP_PROTOCOL = "${protocol}"

[rollout]
stable_s = ${rollout.stable}
drain_timeout_s = ${rollout.drainTimeout}
stop_grace_s = ${rollout.stopGrace}

[limits]
body_bytes = 268435456

[envs.production]
route = "${host}"
servers = ["here"]
`;
}
