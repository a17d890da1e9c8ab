// `tako doctor` with one layer failing at a time: what it names, what it advises, how it exits.
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HostCertificate, ManagementService } from '@tako/protocol';
import { expect, it as test, vi } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';
import { createTestProject, type TestProject } from '../testing/run-tako.ts';
import { deploymentStatus, identity, startScriptedServer } from '../testing/scripted-server.ts';
import { skipWithoutSshd, startSshd, type Sshd } from '../testing/sshd.ts';
import type { Finding } from './diagnosis.ts';

vi.setConfig({ testTimeout: 60_000 });
const it = skipWithoutSshd ? test.skip : test;

interface Diagnosis {
  readonly exitCode: number;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** `layer: message` of those that failed. */
  readonly failed: readonly string[];
  outcome(layer: string): string | undefined;
}

async function diagnose(project: TestProject, sshd?: Sshd): Promise<Diagnosis> {
  const place = {
    cwd: project.dir.path,
    takoHome: project.takoHome,
    sshConfigFile: sshd?.configFile ?? null,
  };
  const { exitCode, stdout } = await runInProcess(['doctor', '--json'], place);
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  return {
    exitCode,
    ok,
    findings,
    failed: findings.filter(({ outcome }) => outcome === 'failed').map(({ layer }) => layer),
    outcome: (layer) => findings.find((finding) => finding.layer === layer)?.outcome,
  };
}

async function projectOver(sshd: Sshd, socketPath: string): Promise<TestProject> {
  const toml =
    'name = "demo"\nreadiness = "http"\n[envs.production]\nroute = "demo.example.invalid"\nservers = ["far"]\n';
  const project = await createTestProject({ toml });
  await writeFile(
    path.join(project.takoHome, 'config.toml'),
    `[[servers]]\nname = "far"\nhost = "127.0.0.1"\nport = ${sshd.port}\nuser = "${sshd.user}"\nsocket = "${socketPath}"\n`,
  );
  return project;
}

it('finds every layer well, then the one that is not: host key, key, network, socket', async () => {
  await using server = await startScriptedServer();
  await using sshd = await startSshd();
  await using project = await projectOver(sshd, server.socketPath);
  const well = await diagnose(project, sshd);
  expect(well).toMatchObject({ exitCode: 0, ok: true, failed: [] });
  for (const layer of ['ssh', 'git', 'servers', 'config', 'secrets', 'host key', 'server', 'clock', 'disk'])
    expect([layer, well.outcome(layer)]).toEqual([layer, 'ok']);

  await sshd.setKnownHostKey('other');
  expect(await diagnose(project, sshd)).toMatchObject({ exitCode: 4, ok: false, failed: ['host key'] });
  await sshd.setKnownHostKey('none');
  const unknown = await diagnose(project, sshd);
  expect(unknown).toMatchObject({ exitCode: 4, failed: ['host key'] });
  expect(unknown.findings.find(({ layer }) => layer === 'host key')).toMatchObject({
    code: 'SSH_HOST_KEY_UNKNOWN',
    hint: expect.stringContaining('compare the fingerprint'),
  });
  await sshd.setKnownHostKey('right');
  await sshd.setAuthorized(false);
  expect(await diagnose(project, sshd)).toMatchObject({ exitCode: 4, failed: ['ssh'] });
  await sshd.setAuthorized(true);

  await using elsewhere = await projectOver(sshd, `${server.socketPath}-not`);
  const noSocket = await diagnose(elsewhere, sshd);
  expect(noSocket).toMatchObject({ exitCode: 5, failed: ['server'] });
  expect(noSocket.outcome('host key')).toBe('ok');
  await sshd.stop();
  expect(await diagnose(project, sshd)).toMatchObject({ exitCode: 5, failed: ['ssh'] });
});

const certificate: HostCertificate = {
  host: 'demo.example.com',
  state: 'failing',
  source: 'self-signed',
  issuer: null,
  notAfter: null,
  lastError: 'DNS of demo.example.com leads elsewhere',
  nextTryAt: null,
};

/** A layer, what a server says that makes it fail, and the exit code. */
const serverFaults: readonly (readonly [string, Partial<ManagementService>, number])[] = [
  ['clock', { serverInfo: async () => ({ ...identity(), startedAt: Date.now() - 3_600_000 }) }, 1],
  [
    'disk',
    {
      preflight: async () => ({
        problems: [{ code: 'DISK_FULL', severity: 'error', message: '/opt/tako is full', hint: 'Make room' }],
      }),
    },
    1,
  ],
  [
    'deploy',
    {
      preflight: async () => ({
        problems: [{ code: 'ROUTE_CONFLICT', severity: 'error', message: 'taken by shop', hint: null }],
      }),
    },
    1,
  ],
  [
    'certificate',
    {
      status: async () => ({
        server: identity(),
        deployments: [deploymentStatus({ certificates: [certificate] })],
      }),
    },
    1,
  ],
  ['server', { serverInfo: async () => ({ ...identity(), mode: 'stopping' as const }) }, 1],
];

test('names the layer of a server that fails, and what to do', async () => {
  for (const [layer, overrides, exitCode] of serverFaults) {
    await using server = await startScriptedServer({ overrides });
    await using project = await createTestProject({ servers: { web1: server.socketPath } });
    const { failed, findings, ...run } = await diagnose(project);
    expect({ exitCode: run.exitCode, failed }).toEqual({ exitCode, failed: [layer] });
    expect(findings.find(({ outcome }) => outcome === 'failed')?.message).not.toBe('');
  }
});

test('names what fails on this machine: configuration, inventory, secrets', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const place = { cwd: project.dir.path, takoHome: project.takoHome };
  await runInProcess(['secrets', 'set', 'A'], place, 'alpha');
  await rm(path.join(project.takoHome, 'keys'), { recursive: true });
  expect(await diagnose(project)).toMatchObject({ exitCode: 2, failed: ['secrets'] });
  await project.dir.write({ 'tako.toml': 'name = "Demo"\nruntme = "node"\n' });
  const broken = await diagnose(project);
  expect(broken).toMatchObject({ exitCode: 2, failed: ['config'] });
  expect(broken.findings.find(({ outcome }) => outcome === 'failed')?.message).toContain('runtme');
  await writeFile(path.join(project.takoHome, 'config.toml'), '[[servers]]\nname = "a"\n');
  expect(await diagnose(project)).toMatchObject({ exitCode: 2, failed: ['servers'] });
});
