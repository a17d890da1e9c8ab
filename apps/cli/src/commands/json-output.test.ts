// Every command's --json output is of its documented shape, and the page names each shape.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type { CertificateStatus, HostCertificate, LogEvent, ReleaseSummary } from '@tako/protocol';
import { describe, expect, it, vi } from 'vitest';
import { commandTable } from '../cli/command-table.ts';
import { errorSchema, jsonSchemas } from '../output/json-schemas.ts';
import { runInProcess } from '../testing/run-in-process.ts';
import { createTestProject, type TestProject } from '../testing/run-tako.ts';
import {
  deploymentStatus,
  goodRollout,
  identity,
  startScriptedServer,
  type ScriptedServer,
} from '../testing/scripted-server.ts';

vi.setConfig({ testTimeout: 60_000 });

const certificate: CertificateStatus = {
  names: ['demo.example.com'],
  source: 'custom',
  state: 'valid',
  issuer: 'Example CA',
  notAfter: 1_900_000_000_000,
  lastError: null,
  nextTryAt: null,
};
const { names: _, ...certificateFacts } = certificate;
const hostCertificate: HostCertificate = { host: 'demo.example.com', ...certificateFacts };
const release: ReleaseSummary = {
  version: 'v1',
  state: 'good',
  current: true,
  sha256: 'a'.repeat(64),
  manifestSha256: 'b'.repeat(64),
  preparedAt: 1,
  deployedAt: 2,
  commit: null,
  commitMessage: null,
  dirty: false,
};
const logged: readonly LogEvent[] = [
  { type: 'entry', position: 1, at: 1, stream: 'stdout', instance: 'i', version: 'v', text: 'one' },
  { type: 'skipped', position: 4, lines: 3 },
];

const startServer = (): Promise<ScriptedServer> =>
  startScriptedServer({
    overrides: {
      status: async () => ({
        server: identity(),
        deployments: [deploymentStatus({ certificates: [hostCertificate] })],
      }),
      certificates: async () => [certificate],
      removeCertificate: async () => undefined,
      list: async () => [
        { deploymentId: 'demo', app: 'demo', env: 'production', version: 'v1', instancesWanted: 1 },
      ],
      releases: async () => [release],
      logs: async function* () {
        yield* logged;
      },
      start: () => goodRollout('v1', 'restart'),
      stop: async function* () {
        yield { type: 'unchanged', reason: 'demo is stopped already' };
      },
      delete: () => goodRollout(null, 'restart'),
      pause: async () => undefined,
      resume: async () => undefined,
      maintenance: async () => undefined,
    },
  });

/** In this order: later ones need what earlier ones made. A text after the words goes to stdin. */
const runs: readonly (readonly [command: string, args?: readonly string[], stdin?: string])[] = [
  ['certificates ls'],
  ['certificates rm', ['demo.example.com', '--yes']],
  ['config show'],
  ['secrets set', ['A'], 'alpha'],
  ['secrets ls'],
  ['secrets key export'],
  ['secrets key rotate'],
  ['secrets sync'],
  ['secrets rm', ['A']],
  ['servers ls'],
  ['servers status'],
  ['servers add', ['unix:/nowhere', '--name', 'other', '--no-check']],
  ['servers status', ['other']],
  ['servers rm', ['other']],
  ['status'],
  ['logs'],
  ['releases ls'],
  ['releases rollback', ['v1']],
  ['rollback'],
  ['scale', ['2']],
  ['restart'],
  ['pause', ['--max', '1m']],
  ['resume'],
  ['maintenance', ['on']],
  ['unlock', ['--yes']],
  ['stop', ['--yes']],
  ['start'],
  ['open'],
  ['delete', ['--confirm', 'demo']],
  ['explain', ['DISK_FULL']],
  ['doctor'],
  ['version'],
  ['autocomplete', ['zsh']],
  ['deploy', ['--dry-run']],
  ['deploy', ['--yes']],
];

async function valuesOf(project: TestProject, words: readonly string[], stdin = ''): Promise<unknown[]> {
  const place = { cwd: project.dir.path, takoHome: project.takoHome };
  const { stdout } = await runInProcess([...words, '--json'], place, stdin);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('--json', () => {
  it('is of the documented shape for every command', async () => {
    await using server = await startServer();
    await using project = await createTestProject({ servers: { web1: server.socketPath } });
    const wrong: unknown[] = [];
    for (const [command, args = [], stdin] of runs) {
      for (const value of await valuesOf(project, [...command.split(' '), ...args], stdin)) {
        const checked = jsonSchemas[command]?.safeParse(value);
        if (checked?.success !== true) wrong.push({ command, value, issues: checked?.error?.issues });
      }
    }
    expect(wrong).toEqual([]);
    const [exported] = await valuesOf(project, ['secrets', 'key', 'export']);
    const key = (exported as { key: string }).key;
    const [imported] = await valuesOf(project, ['secrets', 'key', 'import'], key);
    expect(jsonSchemas['secrets key import']?.safeParse(imported)).toMatchObject({ success: true });
    const [made] = await valuesOf(project, ['init', '--yes', '--force']);
    expect(jsonSchemas['init']?.safeParse(made)).toMatchObject({ success: true });
  });

  it('tells every error in one shape', async () => {
    await using server = await startScriptedServer({
      overrides: {
        scale: async function* () {
          yield* [];
          throw new TakoError('APP_NOT_FOUND', 'there is no deployment demo', { hint: 'Deploy it' });
        },
      },
    });
    await using project = await createTestProject({ servers: { web1: server.socketPath } });
    for (const words of [['scale', '3'], ['scale'], ['explain', 'NO'], ['nonsense'], ['secrets', 'sync']])
      expect(errorSchema.safeParse((await valuesOf(project, words)).at(-1))).toMatchObject({ success: true });
  });

  it('has a shape for each command, and each shape is on the page', async () => {
    // A real daemon is needed for these, so the end-to-end tests look at what they print.
    const shownElsewhere = ['servers reload', 'servers restart', 'certificates add'];
    const tried = new Set([
      ...runs.map(([command]) => command),
      'secrets key import',
      'init',
      ...shownElsewhere,
    ]);
    expect(Object.keys(jsonSchemas).filter((command) => !tried.has(command))).toEqual([]);
    // `run` prints what its command prints.
    const page = await readFile(path.resolve(import.meta.dirname, '../../../../docs/json.md'), 'utf8');
    const ids = new Set([...Object.keys(jsonSchemas), ...commandTable.map(({ id }) => id)]);
    expect([...ids].filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
  });
});
