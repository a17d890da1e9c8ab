// Certificates of one's own by `tako certificates`, as they are served by a real server, and as a person sees them.
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { openShell } from '../cli/shell.ts';
import { type CliProject, createCliProject } from '../support/cli-project.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { type OwnCa, createOwnCa } from './own-ca.ts';
import { connectTrusted } from './trusted-connection.ts';

const host = 'web.example.com';
const toml = `name = "web"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"

[rollout]
stable_s = 0.1

[envs.production]
route = "${host}"
servers = ["here"]
`;

interface Place {
  readonly server: RunningServer;
  readonly project: CliProject;
  readonly ca: OwnCa;
}

/** `Tako self-signed`, or the organisation that issued what is served for the name. */
async function servedBy({ server }: Place, name = host): Promise<string | undefined> {
  const where = { host: '127.0.0.1', port: server.httpsPort, servername: name };
  const socket = connect({ ...where, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { issuer } = socket.getPeerCertificate();
  socket.destroy();
  return [issuer.O ?? issuer.CN].flat()[0];
}

async function deployedPlace(use: AsyncDisposableStack): Promise<Place> {
  const server = use.use(await startTestServer({ workers: 2 }));
  const project = use.use(await createCliProject({ takoToml: toml, socketPath: server.socketPath }));
  const ca = use.use(await createOwnCa('Own Trust'));
  await project.succeed(['deploy', '--env', 'production', '--yes']);
  return { server, project, ca };
}

test('one of your own is served at once, renewed and removed without cutting a connection', async () => {
  await using use = new AsyncDisposableStack();
  const place = await deployedPlace(use);
  const { server, project, ca } = place;
  expect(await servedBy(place)).toBe('Tako self-signed');
  const first = await ca.issue('first', [host, '*.shop.example.com'], 10);
  const added = await project.succeed(['certificates', 'add', first.chain, '--key', first.key]);
  expect(added.stdout).toMatch(
    /^added the certificate of web\.example\.com, \*\.shop\.example\.com by Own Trust, .*\n {2}here: serves web\.example\.com\n$/,
  );
  const trusted = { port: server.httpsPort, host, ca: ca.pem };
  using standing = await connectTrusted(trusted);
  expect(await servedBy(place, 'a.shop.example.com')).toBe('Own Trust');
  expect((await project.succeed(['certificates', 'ls'])).stdout).toMatch(
    /^here {4}web\.example\.com, \*\.shop\.example\.com {2}expiring {5}custom {2}Own Trust {2}\d{4}-\d\d-\d\d, in (?:9 d 23|10 d 0) h +-$/m,
  );

  const second = await ca.issue('second', [host], 100);
  await project.succeed(['certificates', 'add', second.chain, '--key', second.key]);
  using renewed = await connectTrusted(trusted);
  expect(renewed.serial).not.toBe(standing.serial);
  expect(JSON.parse((await project.succeed(['certificates', 'ls', '--json'])).stdout)).toMatchObject({
    servers: [
      {
        server: 'here',
        certificates: expect.arrayContaining([
          expect.objectContaining({ names: [host], state: 'valid', issuer: 'Own Trust' }),
        ]) as unknown,
      },
    ],
  });
  // One of a name takes the place of the one before; what only that one was for has none now.
  expect(await servedBy(place, 'a.shop.example.com')).toBe('Tako self-signed');

  const removed = await project.succeed(['certificates', 'rm', host, '--yes']);
  expect(removed.stdout).toBe(`removed the certificate of ${host} from here\n`);
  expect(await servedBy(place)).toBe('Tako self-signed');
  expect((await project.succeed(['certificates', 'ls'])).stdout).not.toContain('Own Trust');
  expect([await standing.ask(), await renewed.ask()]).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
}, 120_000);

test('a pair that cannot be served is refused with the reason and what to do, and nothing changes', async () => {
  await using use = new AsyncDisposableStack();
  const place = await deployedPlace(use);
  const { project, ca } = place;
  const good = await ca.issue('good', [host], 30);
  const other = await ca.issue('other', [host], 30);
  const ended = await ca.issue('ended', [host], -1);
  await using stranger = await createOwnCa('Somebody else');
  const leaf = (await fs.readFile(good.chain, 'utf8')).replace(ca.pem, stranger.pem);
  const mixed = path.join(ca.dir, 'mixed.pem');
  await fs.writeFile(mixed, leaf);
  for (const [chain, key, told] of [
    [good.chain, other.key, /the private key is not that of the first certificate/],
    [ended.chain, ended.key, /it expired on .* GMT[^]*Give a renewed one/],
    [mixed, good.key, /number 2 of the chain did not sign number 1[^]*Put the leaf first/],
    [good.key, good.key, /no PEM certificate in it/],
  ] as const) {
    const refused = await project.run(['certificates', 'add', chain, '--key', key]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(told);
    expect(refused.stderr).toContain(chain);
    expect(refused.stderr).toContain('CERTIFICATE_INVALID');
  }
  expect(await servedBy(place)).toBe('Tako self-signed');
  const unknown = await project.run(['certificates', 'rm', host, '--yes']);
  expect(unknown).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('CERTIFICATE_NOT_FOUND') as string,
  });
}, 120_000);

test('in a narrow terminal no line is broken by it and nothing is left out; rm asks, and No changes nothing', async () => {
  await using use = new AsyncDisposableStack();
  const place = await deployedPlace(use);
  const { project, ca } = place;
  const pair = await ca.issue('pair', [host, '*.shop.example.com'], 60);
  const shell = { rows: 30, cwd: project.dir, takoHome: project.home };
  await using terminal = await openShell({ ...shell, columns: 40 });
  await terminal.enter(
    `clear; tako certificates add ${path.relative(project.dir, pair.chain)} --key ${path.relative(project.dir, pair.key)}; echo "exit=$?"`,
  );
  await terminal.shows(/ {2}here: serves web\.example\.com\nexit=0/);
  await terminal.enter('clear; tako certificates ls; echo "exit=$?"');
  expect(await terminal.shows(/exit=0/)).toMatch(
    /^here {2}web\.example\.com,\n {2}\*\.shop\.example\.com\n {2}STATE {5}valid\n {2}SOURCE {4}custom\n {2}ISSUER {4}Own Trust\n {2}EXPIRES {3}\d{4}-\d\d-\d\d, in \d+ d \d+ h$/m,
  );
  await terminal.enter(`clear; tako certificates rm ${host}; echo "exit=$?"`);
  await terminal.shows(/Remove the certificate of/);
  await terminal.enter('n');
  await terminal.shows(/exit=130/);
  expect(await servedBy(place)).toBe('Own Trust');
  await using wide = await openShell({ ...shell, columns: 120 });
  await wide.enter('clear; tako certificates ls; echo "exit=$?"');
  expect(await wide.shows(/exit=0/)).toMatch(/^SERVER {2}NAMES .*NEXT TRY\n/m);
}, 120_000);
