// One deploy to three real servers over three real sshd's, where one of them fails in each phase: what is said, with which
// exit code, and what each server runs afterwards.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleProject, createExampleProject } from '../support/example-project.ts';
import { type TakoResult, runTako } from '../support/run-tako.ts';
import { type SocketGate, openSocketGate } from '../support/socket-gate.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { type RunningServer, startServer } from '../support/start-server.ts';
import { lockOf } from '../support/test-release.ts';
import { type Home, makeHome } from './home.ts';

const names = ['one', 'two', 'three'] as const;
const behaviours = path.resolve(import.meta.dirname, '../fixtures/behaviours');

const tomlOf = (more = '', build = ''): string => `name = "web"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"
${more}

[build]
install = ""
${build}

[rollout]
ready_timeout_s = 5
stable_s = 0.2

[envs.production]
route = "web.example.com"
servers = ["one", "two", "three"]
https_redirect = false
`;

let servers: RunningServer[];
let sshds: Sshd[];
let gate: SocketGate;
let home: Home;
let configFile: string;
let project: ExampleProject;
let good: string;
/** What all three serve before each test, and after it. */
let before: string;

beforeAll(async () => {
  servers = await Promise.all(names.map(() => startServer({ workers: 1 })));
  sshds = await Promise.all(names.map(() => startSshd()));
  gate = await openSocketGate(servers[2]!.socketPath);
  gate.passAll();
  home = await makeHome();
  // One ssh_config as a person has it: a host each, with its own port, key and known hosts.
  configFile = path.join(home.dir, 'ssh_config');
  const hosts = names.map(
    (
      name,
      index,
    ) => `Host ${name}\n  HostName 127.0.0.1\n  Port ${sshds[index]!.port}\n  User ${sshds[index]!.user}
  IdentityFile ${sshds[index]!.keyFile}\n  IdentitiesOnly yes\n  IdentityAgent none
  UserKnownHostsFile ${sshds[index]!.knownHostsFile}\n  GlobalKnownHostsFile none\n  BatchMode yes\n`,
  );
  await fs.writeFile(configFile, hosts.join('\n'));
  const inventory = names.map((name, index) => {
    const socket = index === 2 ? gate.socketPath : servers[index]!.socketPath;
    return `[[servers]]\nname = "${name}"\nhost = "${name}"\nport = ${sshds[index]!.port}\nuser = "${sshds[index]!.user}"\nsocket = "${socket}"\n`;
  });
  await fs.writeFile(path.join(home.dir, 'config.toml'), inventory.join('\n'));
  project = await createExampleProject(behaviours, { takoToml: tomlOf() });
  good = await fs.readFile(path.join(project.appDir, 'plain.js'), 'utf8');
  expect(await tako('deploy', '--yes')).toMatchObject({ exitCode: 0 });
  before = (await versions())[0]!;
}, 120_000);

afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
  await Promise.all(
    [...servers, ...sshds.slice(0, 2), home].map((resource) => resource[Symbol.asyncDispose]()),
  );
});

const tako = (...args: string[]): Promise<TakoResult> =>
  runTako(args, { cwd: project.appDir, home: home.dir, env: { TAKO_SSH_CONFIG: configFile } });

async function versions(): Promise<(string | null)[]> {
  return Promise.all(
    servers.map(async ({ client }) => {
      const { deployments } = await client.api.status.query({ deploymentId: 'web' });
      return deployments[0]?.version ?? null;
    }),
  );
}

/** An app, or an install script, that fails where it runs on the third server. */
const onlyOnThree = (): string => servers[2]!.dir;

async function failsAndChangesNothing(
  exitCode: number,
  told: readonly (string | RegExp)[],
): Promise<TakoResult> {
  const result = await tako('deploy', '--yes');
  expect(result).toMatchObject({ exitCode, stdout: '' });
  for (const text of told) expect(result.stderr).toMatch(text);
  expect(await versions()).toEqual([before, before, before]);
  return result;
}

describe('a deploy to three servers', { timeout: 60_000 }, () => {
  test('whose third is held by somebody else changes nothing, and says who holds it', async () => {
    const { client } = servers[2]!;
    await project.commitChange('note.txt', 'check');
    const { token } = await client.api.acquire_lock.mutate(lockOf('web'));
    await failsAndChangesNothing(6, [
      /checking the servers failed on 1\/3 servers:\n {2}three: /,
      'DEPLOYMENT_LOCKED',
      'Nothing was changed on any server',
    ]);
    await client.api.release_lock.mutate({ deploymentId: 'web', token });
  });

  test('whose third cannot install the dependencies changes nothing, and shows what the installer said', async () => {
    const fails = `case $PWD in ${onlyOnThree()}*) echo cannot build libthree; exit 1;; esac`;
    await project.commitChange(
      'package.json',
      JSON.stringify({
        name: 'app',
        type: 'module',
        scripts: { postinstall: fails },
        dependencies: { beside: 'file:beside' },
      }),
    );
    await fs.mkdir(path.join(project.appDir, 'beside'), { recursive: true });
    await project.commitChange('beside/package.json', '{"name":"beside","version":"1.0.0"}');
    await project.commitChange(
      'package-lock.json',
      JSON.stringify({
        name: 'app',
        lockfileVersion: 3,
        packages: {
          '': { name: 'app', hasInstallScript: true, dependencies: { beside: 'file:beside' } },
          beside: { version: '1.0.0' },
          'node_modules/beside': { resolved: 'beside', link: true },
        },
      }),
    );
    await failsAndChangesNothing(1, [
      /preparing the release failed on 1\/3 servers:\n {2}three: /,
      'cannot build libthree',
      'DEPENDENCY_INSTALL_FAILED',
      'Nothing was rolled out anywhere',
    ]);
    for (const file of ['package-lock.json', 'beside/package.json'])
      await fs.rm(path.join(project.appDir, file));
    await project.commitChange('package.json', '{"name":"app","type":"module"}');
  });

  test('whose release command fails on the first rolls nothing out', async () => {
    await project.commitChange('tako.toml', tomlOf(`release_command = "echo no such table; exit 4"`));
    await failsAndChangesNothing(9, ['no such table', 'exited with code 4 on one', 'RELEASE_COMMAND_FAILED']);
    await project.commitChange('tako.toml', tomlOf());
  });

  test('that fails in the rollout on the third is partial: the message has the commands, and they work', async () => {
    const fails = `if (process.cwd().startsWith('${onlyOnThree()}')) {\n  console.error('no database on three');\n  process.exit(3);\n}\n`;
    await project.commitChange('plain.js', `${fails}${good}`);
    const result = await tako('deploy', '--yes');
    expect(result).toMatchObject({ exitCode: 8, stdout: '' });
    expect(result.stderr).toMatch(
      /succeeded on 2\/3 servers and failed on:\n {2}three: .*\n[^]*exited with code 3[^]*\| no database on three/,
    );
    const [first, second, third] = await versions();
    expect([first === before, second, third]).toEqual([false, first, before]);
    const [, finish, goBack] = /Finish: tako (.+?) {3}or go back: tako (.+)/.exec(result.stderr) ?? [];
    expect(finish).toBe('deploy --env production --server three');
    expect(await tako(...(goBack ?? '').split(' '))).toMatchObject({ exitCode: 0 });
    expect(await versions()).toEqual([before, before, before]);
    await project.commitChange('plain.js', good);
  });

  test('that fails in the rollout everywhere says so once, and every server serves what it served', async () => {
    await project.commitChange('plain.js', `console.error('no database');\nprocess.exit(3);\n`);
    const result = await failsAndChangesNothing(7, [
      /failed on all 3 servers:/,
      /\| no database/,
      /\(the same as on \w+\)/,
    ]);
    expect(result.stderr.match(/\| no database/g)).toHaveLength(1);
    await project.commitChange('plain.js', good);
  });

  test('whose third goes away in the upload changes nothing, and says which one cannot be reached', async () => {
    await project.commitChange('blob.txt', randomBytes(3 * 1024 ** 2).toString('base64'));
    const reached = gate.swallowAfter(1024 ** 2);
    const running = failsAndChangesNothing(5, [/preparing the release failed on 1\/3 servers:\n {2}three: /]);
    await reached;
    await sshds[2]![Symbol.asyncDispose]();
    await running;
  });
});
