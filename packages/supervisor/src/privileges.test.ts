import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { InstanceSpec } from './instance-spec.ts';
import type { ProcessIdentity } from './instance.types.ts';
import { daemonFixture, fixture, makeSpec, nodeProgram, program, start, tempDir } from './testing.ts';

const isRoot = process.getuid?.() === 0;

interface Told {
  readonly events: Record<string, unknown>[];
  /** Ends stdin, which stops the instance, and waits for the daemon's exit. */
  stop(): Promise<void>;
}

/** Runs a daemon under setpriv with these arguments until it told something that fits. */
async function runDaemon(
  setpriv: readonly string[],
  spec: InstanceSpec,
  fits: (event: Record<string, unknown>) => boolean,
): Promise<Told> {
  const node = [
    nodeProgram(),
    '--conditions=source',
    '--no-warnings',
    daemonFixture(),
    JSON.stringify(spec),
    '500',
  ];
  const daemon = spawn('setpriv', [...setpriv, '--', ...node], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(daemon, 'exit');
  const events: Record<string, unknown>[] = [];
  const reader = createInterface({ input: daemon.stdout });
  const found = new Promise<void>((resolve, reject) => {
    reader.on('line', (line) => {
      const event = JSON.parse(line);
      events.push(event);
      if (fits(event)) resolve();
    });
    reader.once('close', () => reject(new Error(`the daemon ended: ${JSON.stringify(events)}`)));
  });
  await found;
  const stop = async (): Promise<void> => {
    daemon.stdin.end();
    await exited;
  };
  return { events, stop };
}

function capabilitiesOf(pid: number): string[] {
  return [...readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^Cap(?:Inh|Prm|Eff|Amb):\s+(\w+)$/gm)].map(
    ([, set]) => set ?? '',
  );
}

function pidIn(events: readonly Record<string, unknown>[]): number {
  const spawned = events.find(({ type }) => type === 'spawned');
  if (spawned === undefined) throw new Error('it was not spawned');
  return (spawned['identity'] as ProcessIdentity).pid;
}

/** A directory that the daemon's user may write. */
function ownedBy(directory: string, uid: number): string {
  const own = `${directory}/of-${uid}`;
  mkdirSync(own);
  execFileSync('chown', [`${uid}:${uid}`, own]);
  chmodSync(own, 0o755);
  return own;
}

const ambient = (names: string): string[] => [`--inh-caps=${names}`, `--ambient-caps=${names}`];
const asDaemon = ['--reuid=64005', '--regid=64005', '--clear-groups'];
const ready = ({ type }: Record<string, unknown>): boolean => type === 'started';

test.skipIf(!isRoot)(
  'an unprivileged daemon with ambient capabilities switches the user and leaks none of them',
  async () => {
    await using directory = tempDir();
    const spec = makeSpec(ownedBy(directory.path, 64_005), { runAs: { uid: 64_001, gid: 64_001 } });
    const daemon = await runDaemon([...asDaemon, ...ambient('+setuid,+setgid,+setpcap,+kill')], spec, ready);
    const pid = pidIn(daemon.events);
    expect(daemon.events.find(ready)).toMatchObject({ result: { kind: 'healthy' } });
    expect(capabilitiesOf(pid)).toEqual(Array(4).fill('0000000000000000'));
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t64001\t64001\t64001\t64001$/m);
    await daemon.stop();
    expect(daemon.events.at(-1)).toMatchObject({ type: 'exited', outcome: { exitCode: 0, expected: true } });
  },
);

test.skipIf(!isRoot)('a daemon without any privilege runs instances as itself', async () => {
  await using directory = tempDir();
  const spec = makeSpec(ownedBy(directory.path, 64_005), { runAs: null, limits: { openFiles: 10_000_000 } });
  const daemon = await runDaemon(asDaemon, spec, ready);
  expect(daemon.events.find(ready)).toMatchObject({ result: { kind: 'healthy' } });
  expect(capabilitiesOf(pidIn(daemon.events))).toEqual(Array(4).fill('0000000000000000'));
  await daemon.stop();
});

test.skipIf(!isRoot)(
  'where the descriptors of the app may not be read, its listener is found by its user',
  async () => {
    await using directory = tempDir();
    const spec = makeSpec(ownedBy(directory.path, 64_005), {
      argv: program('listens-elsewhere.mjs'),
      runAs: { uid: 64_006, gid: 64_006 },
      readiness: { kind: 'sdk', timeoutMs: 1_500 },
    });
    const daemon = await runDaemon([...asDaemon, ...ambient('+setuid,+setgid,+setpcap,+kill')], spec, ready);
    const listening = expect.stringMatching(/^127\.0\.0\.1:\d+, but the line/);
    expect(daemon.events.find(ready)).toMatchObject({ result: { kind: 'failed', failure: { listening } } });
    await daemon.stop();
  },
);

test.skipIf(!isRoot)(
  'an instance that the daemon may not kill is reported within seconds, not waited for without end',
  async () => {
    await using directory = tempDir();
    const spec = makeSpec(ownedBy(directory.path, 64_005), { runAs: { uid: 64_001, gid: 64_001 } });
    const daemon = await runDaemon([...asDaemon, ...ambient('+setuid,+setgid,+setpcap')], spec, ready);
    const pid = pidIn(daemon.events);
    try {
      await daemon.stop();
      const reason = `could not be killed: ${pid} did not go away`;
      expect(daemon.events.at(-1)).toMatchObject({
        type: 'exited',
        outcome: { exitCode: null, signal: null, expected: true, reason },
      });
    } finally {
      process.kill(-pid, 'SIGKILL');
    }
  },
);

test('code that an app names in its variables does not run before the privileges are gone', async () => {
  await using directory = tempDir();
  const environment = { PATH: '/usr/bin:/bin', LD_PRELOAD: '/nonexistent/evil.so' };
  await using run = start(directory.path, {
    argv: ['/bin/sleep', '0.05'],
    environment,
    limits: { openFiles: 100 },
  });
  await run.instance.whenExited;
  // ld.so complains once in each program that it starts with that variable: only the app itself must be one.
  const complaints = run.recorder.texts.filter((text) => text.includes('/nonexistent/evil.so'));
  expect(complaints).toHaveLength(1);
});

test('limits on files and processes are those of the app', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    argv: [fixture('sleeps.sh')],
    limits: { openFiles: 123, pids: 45 },
  });
  await run.recorder.until('it sleeps', ({ texts }) => texts.includes('sleeping'));
  const limits = readFileSync(`/proc/${run.instance.identity?.pid}/limits`, 'utf8');
  expect(limits).toMatch(/^Max open files\s+123\s+123\s/m);
  expect(limits).toMatch(/^Max processes\s+45\s+45\s/m);
});
