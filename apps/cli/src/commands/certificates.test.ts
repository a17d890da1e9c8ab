import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { TakoError } from '@tako/config';
import type { CertificateStatus, HostCertificate } from '@tako/protocol';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readPair } from '../certificates/read-pair.ts';
import { runInProcess } from '../testing/run-in-process.ts';
import { createTestProject, type TestProject } from '../testing/run-tako.ts';
import { deploymentStatus, identity, startScriptedServer } from '../testing/scripted-server.ts';

// Machines may be busy.
vi.setConfig({ testTimeout: 60_000 });

const run = promisify(execFile);
const files = { directory: '', certificate: '', key: '', otherKey: '', ended: '' };

beforeAll(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-pair-'));
  const at = (name: string): string => path.join(directory, name);
  const make = (name: string): Promise<unknown> =>
    run('openssl', [
      'req',
      '-x509',
      '-nodes',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-days',
      '30',
      '-subj',
      '/O=Own CA',
      '-addext',
      'subjectAltName=DNS:demo.example.com,DNS:*.shop.example.com',
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.crt`),
    ]);
  await Promise.all([make('good'), make('ended')]);
  const [crt, key] = [at('ended.crt'), at('ended.key')];
  await run('openssl', ['x509', '-in', crt, '-signkey', key, '-days', '-1', '-out', crt]);
  Object.assign(files, {
    directory,
    certificate: at('good.crt'),
    key: at('good.key'),
    otherKey: at('ended.key'),
    ended: at('ended.crt'),
  });
});
afterAll(() => rm(files.directory, { recursive: true, force: true }));

const tako = (project: TestProject, argv: readonly string[], { cwd = project.dir.path } = {}) =>
  runInProcess(argv, { cwd, takoHome: project.takoHome });

const DAY = 86_400_000;
const custom: CertificateStatus = {
  names: ['demo.example.com', '*.shop.example.com'],
  source: 'custom',
  state: 'valid',
  issuer: 'Own CA',
  notAfter: Date.now() + 30 * DAY + 3_600_000,
  lastError: null,
  nextTryAt: null,
};

it('lists the certificates of several servers, with errors, next tries and who could not be asked', async () => {
  const waiting: CertificateStatus = {
    names: ['a.com', 'b.com', 'c.com', 'd.com', 'e.com'],
    source: 'acme',
    state: 'failing',
    issuer: null,
    notAfter: null,
    lastError: 'dns: no such name',
    nextTryAt: Date.now() + 5 * DAY,
  };
  await using server = await startScriptedServer({
    overrides: { certificates: async () => [custom, waiting] },
  });
  await using project = await createTestProject({
    servers: { web1: server.socketPath, web2: '/nowhere/tako.sock' },
  });
  const text = await tako(project, ['certificates', 'ls']);
  expect(text.exitCode).toBe(8);
  expect(text.stdout).toMatch(
    /^web1 {4}demo\.example\.com, \*\.shop\.example\.com {2}valid {4}custom {2}Own CA {2}\d{4}-\d\d-\d\d, in 30 d 1 h {2}-$/m,
  );
  expect(text.stdout).toMatch(
    /web1 {4}a\.com, b\.com, c\.com, 2 more +failing {2}acme {4}- {7}- +\d{4}-\d\d-\d\d, in [45] d/,
  );
  expect(text.stdout).toContain('last error web1 a.com, b.com, c.com, 2 more: dns: no such name');
  expect(text.stdout).toContain('unreachable web2');
  const json: unknown = JSON.parse((await tako(project, ['certificates', 'ls', '--json'])).stdout);
  expect(json).toMatchObject({
    schema: 'tako.certificates/1',
    ok: false,
    servers: [
      { server: 'web1', certificates: [custom, waiting] },
      { server: 'web2', error: { code: 'SERVER_UNREACHABLE' } },
    ],
  });
});

it('adds one to every server and says what it serves, and never prints the key', async () => {
  const options = {
    overrides: {
      routes: async () => [
        { route: 'demo.example.com/api', deploymentId: 'demo' },
        { route: 'a.shop.example.com', deploymentId: 'demo' },
        { route: 'a.b.shop.example.com', deploymentId: 'demo' },
      ],
      addCertificate: async () => custom,
    },
  };
  await using one = await startScriptedServer(options);
  await using two = await startScriptedServer(options);
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  const args = ['certificates', 'add', files.certificate, '--key', files.key];
  const added = await tako(project, [...args, '--verbose']);
  expect(added.exitCode).toBe(0);
  expect(added.stdout).toMatch(
    /^added the certificate of demo\.example\.com, \*\.shop\.example\.com by Own CA, which ends .*, in (?:29 d 23 h|30 d 0 h)\n {2}web1: serves demo\.example\.com\/api, a\.shop\.example\.com\n {2}web2: serves/,
  );
  const sent = (await two.called('addCertificate')).input;
  const key = await readFile(files.key, 'utf8');
  expect(sent['privateKey']).toBe(key);
  expect(sent['certificate']).toBe(await readFile(files.certificate, 'utf8'));
  for (const line of key.trim().split('\n')) expect(added.stdout + added.stderr).not.toContain(line);
  const json: unknown = JSON.parse((await tako(project, [...args, '--server', 'web2', '--json'])).stdout);
  expect(json).toMatchObject({
    schema: 'tako.certificates-add/1',
    ok: true,
    names: custom.names,
    servers: [{ server: 'web2', routes: ['demo.example.com/api', 'a.shop.example.com'] }],
  });
});

it('refuses a pair that could not be served, before anything is sent, exit 2', async () => {
  const reading = (certificate: string, key: string) => readPair({ certificate, key }, Date.now());
  await expect(reading(files.ended, files.otherKey)).rejects.toThrow(/it expired on .*ended\.crt/);
  await expect(reading(files.key, files.certificate)).rejects.toThrow('no PEM certificate');
  await expect(reading(path.join(files.directory, 'none.pem'), files.key)).rejects.toThrow(
    'none.pem cannot be read',
  );
  await expect(reading('/dev/zero', files.key)).rejects.toThrow('larger than 256 KiB');
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const args = ['certificates', 'add', files.certificate, '--key', files.otherKey];
  const refused = await tako(project, args);
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
  expect(refused.stderr).toMatch(/the private key is not that of[\s\S]*CERTIFICATE_INVALID/);
  expect(server.calls).toEqual([]);
});

it('asks when no route has a name of it, and changes nothing while one server cannot be reached', async () => {
  await using server = await startScriptedServer({ overrides: { addCertificate: async () => custom } });
  await using project = await createTestProject({
    servers: { web1: server.socketPath, web2: '/nowhere/tako.sock' },
  });
  const args = ['certificates', 'add', files.certificate, '--key', files.key];
  const partial = await tako(project, args);
  expect(partial).toMatchObject({ exitCode: 8, stderr: expect.stringContaining('Nothing was changed') });
  const outside = { cwd: '/' };
  const unasked = await tako(project, [...args, '--server', 'web1'], outside);
  expect(unasked.stderr).toContain('CONFIRMATION_REQUIRED');
  expect(unasked.stderr).toContain('--yes');
  expect(await tako(project, args, outside)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('SERVERS_NOT_CHOSEN'),
  });
  expect(server.procedures()).not.toContain('addCertificate');
  expect(await tako(project, [...args, '--server', 'web1', '--yes'], outside)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('web1: no route wants it yet'),
  });
  // In the project its route is to be: the certificate may come before the first deploy.
  expect(await tako(project, [...args, '--server', 'web1'])).toMatchObject({ exitCode: 0 });
});

it('removes one by any of its names where it is, and says where it is nowhere', async () => {
  const has = { certificates: async () => [custom], removeCertificate: async () => undefined };
  await using one = await startScriptedServer({ overrides: has });
  await using two = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  const rmArgs = ['certificates', 'rm', '*.shop.example.com'];
  expect((await tako(project, rmArgs)).stderr).toContain('CONFIRMATION_REQUIRED');
  expect(one.procedures()).not.toContain('removeCertificate');
  const removed = await tako(project, [...rmArgs, '--yes', '--json']);
  expect(JSON.parse(removed.stdout)).toEqual({
    schema: 'tako.certificates-rm/1',
    ok: true,
    names: custom.names,
    servers: [
      { server: 'web1', removed: true },
      { server: 'web2', removed: false },
    ],
  });
  expect((await one.called('removeCertificate')).input).toEqual({ name: 'demo.example.com' });
  expect(await tako(project, ['certificates', 'rm', 'x.com', '--yes'])).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('CERTIFICATE_NOT_FOUND'),
  });
});

it('names the server that refuses, exit 8, and how to finish', async () => {
  const refuses = async (): Promise<never> => {
    throw new TakoError(
      'CERTIFICATE_INVALID',
      'The certificate cannot be used: it is not valid before 2030.',
    );
  };
  await using one = await startScriptedServer({ overrides: { addCertificate: async () => custom } });
  await using two = await startScriptedServer({ overrides: { addCertificate: refuses } });
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  const added = await tako(project, ['certificates', 'add', files.certificate, '--key', files.key]);
  expect(added.exitCode).toBe(8);
  expect(added.stderr).toMatch(/web2: The certificate cannot be used[\s\S]*--server web2/);
});

it('shows in status what somebody should know of certificates', async () => {
  const facts = { issuer: null, notAfter: null, lastError: null, nextTryAt: null } as const;
  const issued = { ...facts, source: 'acme', issuer: 'CA', notAfter: Date.now() + 9 * DAY } as const;
  const certificates: HostCertificate[] = [
    { ...issued, host: 'good.com', state: 'valid' },
    { ...issued, host: 'soon.com', source: 'custom', state: 'expiring' },
    {
      ...issued,
      host: 'stuck.com',
      state: 'failing',
      lastError: 'CA is down',
      nextTryAt: Date.now() + 90_000,
    },
    { ...facts, host: 'new.com', source: 'self-signed', state: 'pending' },
    { ...facts, host: 'app.test', source: 'self-signed', state: 'self-signed' },
  ];
  await using server = await startScriptedServer({
    overrides: {
      status: async () => ({ server: identity(), deployments: [deploymentStatus({ certificates })] }),
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const { stdout, exitCode } = await tako(project, ['status']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/certificate good\.com: acme, good for [89] d/);
  expect(stdout).toMatch(/certificate soon\.com: ends .*in [89] d .*tako certificates add/);
  expect(stdout).toMatch(/certificate stuck\.com: the present one ends .*; CA is down; next try in \d/);
  expect(stdout).toContain('certificate new.com: being asked for, the self-signed one is served');
  expect(stdout).toContain('certificate app.test: self-signed');
  expect(JSON.parse((await tako(project, ['status', '--json'])).stdout)).toMatchObject({
    servers: [{ deployments: [{ certificates }] }],
  });
});
