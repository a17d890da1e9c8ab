// A deploy over an uplink of some kilobytes a second that breaks in its middle: nothing gives up while bytes flow, what
// has arrived is not sent again, and a person sees all of it.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createExampleProject } from '../support/example-project.ts';
import { openSlowLink } from '../support/slow-link.ts';
import { startSshd } from '../support/sshd.ts';
import { openTerminal } from '../support/terminal.ts';
import { startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { makeHome } from './home.ts';

const KiB = 1024;
const bytesPerSecond = 40 * KiB;
/** Longer under way than a lock lives without being renewed (30 s), and all of it fits into the queues of ssh. */
const appBytes = 1700 * KiB;
const takoPath = path.resolve(import.meta.dirname, '../../bin/tako');

const toml = `name = "shop"
runtime = "node"
main = "server.js"
readiness = "http"
health_path = "/healthz"
[rollout]
stable_s = 0.1
[envs.production]
route = "shop.example.com"
servers = ["far"]
`;

test(
  'a slow link takes its time, says how much has gone, and goes on where it broke',
  { timeout: 200_000 },
  async () => {
    await using server = await startTestServer({ workers: 1 });
    await using sshd = await startSshd();
    await using link = await openSlowLink({ targetPort: sshd.port, bytesPerSecond });
    await using home = await makeHome();
    await using project = await createExampleProject('node-http', { takoToml: toml });
    await fs.writeFile(path.join(project.appDir, 'photo.bin'), randomBytes(appBytes));
    await fs.appendFile(sshd.knownHostsFile, `[127.0.0.1]:${link.port} ${sshd.hostKey}\n`);
    const inventory = `[[servers]]
name = "far"
host = "127.0.0.1"
port = ${link.port}
user = "${sshd.user}"
socket = "${server.socketPath}"
`;
    await fs.writeFile(path.join(home.dir, 'config.toml'), inventory);
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home.dir,
      TAKO_HOME: home.dir,
      TAKO_SSH_CONFIG: sshd.configFile,
    };
    const size = { columns: 100, rows: 30 };
    await using terminal = await openTerminal([takoPath, 'deploy', '--yes'], {
      ...size,
      cwd: project.appDir,
      env,
    });
    const shown = await terminal.shows(/\d KiB of 1\.7 MiB, \d+ KiB\/s/, 60_000);
    const [, done = '', rate = ''] = /(\d+) KiB of 1\.7 MiB, (\d+) KiB\/s/.exec(shown) ?? [];
    // What is shown has gone out, but for the piece that is under way.
    expect(Number(done) * KiB).toBeLessThan(link.passedBytes + 300 * KiB);
    expect(Number(rate)).toBeGreaterThan(0);
    await until('most of it', () => link.passedBytes > appBytes * 0.85, 80_000);
    // By now the lock has been renewed over this same link.
    link.cut();
    await terminal.shows(/the connection broke; going on over a new one/);
    const end = await terminal.exited(120_000);
    expect({ end, screen: await terminal.history() }).toMatchObject({ end: 0 });
    expect(link.passedBytes).toBeLessThan(appBytes * 1.5);
    const { deployments } = await server.client.api.status.query({ deploymentId: 'shop' });
    expect(deployments[0]?.mode).toBe('running');
  },
);
