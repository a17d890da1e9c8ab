// Story: while secrets are set and deployed over ssh, no process of this machine, ours, ssh's or the server's, ever has a
// value in its arguments or its environment.
import fs from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createCliProject } from '../support/cli-project.ts';
import { startSshd } from '../support/sshd.ts';
import { startTestServer } from '../support/test-server.ts';
import { findPlainText } from './find-plain-text.ts';

const values = ['plain-value-on-the-way-c41d', 'another-on-the-way-5e20'] as const;
const variable = 'variable-that-may-be-seen-19fe';

const toml = `name = "vault"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"
release_command = "echo the release command runs; sleep 0.3"

[build]
run = "echo built; sleep 0.3"

[vars]
MARKER = "${variable}"

[rollout]
stable_s = 0.2

[envs.production]
route = "vault.example.com"
servers = ["far"]
`;

/** Looks at all processes again and again until the work has ended: what stood where, and how often it looked. */
async function watchProcesses(work: Promise<unknown>): Promise<{ found: Set<string>; looks: number }> {
  const found = new Set<string>();
  let looks = 0;
  const state = { isOver: false };
  const ended = work.finally(() => {
    state.isOver = true;
  });
  while (!state.isOver) {
    for (const { where, what } of findPlainText([...values, variable], { folders: [] }))
      found.add(`${path.basename(where)}: ${what}`);
    looks += 1;
    await nextTurn();
  }
  await ended;
  return { found, looks };
}

test('no argument and no environment has a secret at any moment of a deploy over ssh', async () => {
  await using server = await startTestServer({ workers: 1 });
  await using sshd = await startSshd();
  await using project = await createCliProject({ takoToml: toml, socketPath: server.socketPath });
  await fs.writeFile(
    path.join(project.home, 'config.toml'),
    `[[servers]]\nname = "far"\nhost = "${sshd.host}"\nport = ${sshd.port}\nuser = "${sshd.user}"\nsocket = "${server.socketPath}"\n`,
  );
  const env = { TAKO_SSH_CONFIG: sshd.configFile };
  const whole = async (): Promise<void> => {
    await project.succeed(['secrets', 'set', 'API_KEY'], { input: values[0], env });
    await project.succeed(['deploy', '--yes', '--verbose'], { env });
    await project.succeed(['secrets', 'set', 'API_KEY'], { input: values[1], env });
    await project.succeed(['secrets', 'sync'], { env });
  };
  const { found, looks } = await watchProcesses(whole());
  console.log(`${looks} looks at every process`);
  // What is no secret is seen, where it is meant to be: so would the others be.
  expect([...found]).toEqual([`environ: ${variable} (plain)`]);
}, 120_000);
