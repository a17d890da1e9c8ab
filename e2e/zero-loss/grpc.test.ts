// The gRPC example, deployed by the real command and called over TLS by grpc-js while releases replace one another.
import fs from 'node:fs/promises';
import path from 'node:path';
import { type Client, credentials, loadPackageDefinition, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import { makeHome } from '../cli/home.ts';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';
import { runTako } from '../support/run-tako.ts';
import { startTestServer } from '../support/test-server.ts';
import { eventually } from './eventually.ts';

const host = 'grpc.example.com';
const example = path.resolve(import.meta.dirname, '../../examples/grpc');
const CLIENTS = 8;
const CALLS_BETWEEN = 200;
const COUNT_TO = 50;

interface Greeting {
  readonly text: string;
  readonly version: string;
}

interface GreeterClient extends Client {
  greet(request: { name: string }, done: (error: ServiceError | null, greeting: Greeting) => void): void;
  count(request: { to: number }): AsyncIterable<{ readonly value: number }>;
}

type GreeterConstructor = new (...options: ConstructorParameters<typeof Client>) => GreeterClient;

function openClient(httpsPort: number): GreeterClient {
  const definition = loadPackageDefinition(loadSync(path.join(example, 'greeter.proto')));
  const { Greeter } = definition['greeter'] as unknown as { Greeter: GreeterConstructor };
  // The certificate is the server's own, for names that nobody has proven.
  const channel = credentials.createSsl(null, null, null, { rejectUnauthorized: false });
  return new Greeter(`127.0.0.1:${httpsPort}`, channel, {
    'grpc.default_authority': host,
    'grpc.ssl_target_name_override': host,
    'grpc.enable_retries': 0,
    // A connection for each of the clients.
    'grpc.use_local_subchannel_pool': 1,
  });
}

const greet = (client: GreeterClient, name: string): Promise<Greeting> =>
  new Promise((resolve, reject) => {
    client.greet({ name }, (error, greeting) => (error === null ? resolve(greeting) : reject(error)));
  });

class Callers implements AsyncDisposable {
  readonly versions = new Set<string>();
  readonly failures: string[] = [];
  calls = 0;
  #isStopping = false;
  readonly #ends: Promise<void>[];

  constructor(httpsPort: number) {
    this.#ends = Array.from({ length: CLIENTS }, (_each, index) => this.#call(openClient(httpsPort), index));
  }

  async #call(client: GreeterClient, index: number): Promise<void> {
    while (!this.#isStopping) {
      try {
        const greeting = await greet(client, `caller ${index}`);
        if (greeting.text !== `Hello caller ${index}`) this.failures.push(`a wrong answer: ${greeting.text}`);
        this.versions.add(greeting.version);
        let sum = 0;
        for await (const { value } of client.count({ to: COUNT_TO })) sum += value;
        if (sum !== (COUNT_TO * (COUNT_TO + 1)) / 2) this.failures.push(`a stream of ${sum}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      this.calls += 2;
    }
    client.close();
  }

  async more(): Promise<void> {
    const enough = this.calls + CALLS_BETWEEN;
    await eventually(`${CALLS_BETWEEN} more calls`, 60_000, () => (this.calls >= enough ? true : null));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#ends);
  }
}

async function deploy(project: ExampleProject, home: string): Promise<string> {
  const result = await runTako(['deploy', '--yes', '--json'], {
    cwd: project.appDir,
    home,
    timeoutMs: 120_000,
  });
  if (result.exitCode !== 0) throw new Error(result.output.slice(-6000));
  return (JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as { version: string }).version;
}

test(
  'calls and streams go through deploys and a rollback without a failure',
  { timeout: 300_000 },
  async () => {
    await using server = await startTestServer();
    await using home = await makeHome();
    await fs.writeFile(
      path.join(home.dir, 'config.toml'),
      `[[servers]]\nname = "here"\nhost = "unix:${server.socketPath}"\n`,
    );
    const toml = await fs.readFile(path.join(example, 'tako.toml'), 'utf8');
    const takoToml = `${toml.replace('[rollout]', '[rollout]\nstable_s = 0.2')}servers = ["here"]\n`;
    await using project = await createExampleProject('grpc', { takoToml });
    const first = await deploy(project, home.dir);
    const client = openClient(server.httpsPort);
    await expect(greet(client, '')).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'a greeting needs a name',
    });
    client.close();

    const callers = new Callers(server.httpsPort);
    await using _stopped = callers;
    await callers.more();
    await project.commitChange('note.txt', 'a new version\n');
    const second = await deploy(project, home.dir);
    await callers.more();
    const rolledBack = await runTako(['rollback', '--yes', '--json'], {
      cwd: project.appDir,
      home: home.dir,
    });
    expect(rolledBack).toMatchObject({ exitCode: 0 });
    await callers.more();
    await callers[Symbol.asyncDispose]();

    console.log(`${callers.calls} gRPC calls, ${callers.failures.length} failed`);
    expect(callers.failures).toEqual([]);
    expect(callers.versions).toEqual(new Set([first, second]));
  },
);
