import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot, testRunAs } from '../testing/app-user.ts';
import { isRunning } from '../testing/process-liveness.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { launchAsUser } from './launch-as-user.ts';
import { programLimits } from './limits.ts';
import { type ProgramSpec, runProgram } from './run-program.ts';

const never = new AbortController().signal;

async function run(script: string, over: Partial<ProgramSpec> = {}, signal: AbortSignal = never) {
  const lines: string[] = [];
  const exit = await runProgram(
    {
      argv: ['/bin/sh', '-c', script],
      cwd: '/',
      environment: { PATH: '/usr/bin:/bin' },
      runAs: testRunAs,
      timeoutMs: 20_000,
      ...over,
    },
    signal,
    ({ stream, text }) => lines.push(`${stream}: ${text}`),
  );
  return { exit, lines };
}

describe('a program', () => {
  it('gives its lines and its exit code', async () => {
    const { exit, lines } = await run('echo out; echo err >&2; exit 3');
    expect(exit).toEqual({ exitCode: 3, signal: null, timedOut: false });
    expect(lines.toSorted()).toEqual(['stderr: err', 'stdout: out']);
  });

  it('sees the given environment, the mark of its folder, and nothing else', async () => {
    const { lines } = await run('env', {
      argv: ['/usr/bin/env'],
      environment: { PATH: '/bin', A: '1', LD_LIBRARY_PATH: '/nowhere' },
    });
    expect(lines.toSorted()).toEqual([
      'stdout: A=1',
      'stdout: LD_LIBRARY_PATH=/nowhere',
      'stdout: PATH=/bin',
      expect.stringMatching(/^stdout: TAKO_PROGRAM=\//),
    ]);
  });

  it('has stdin, stdout and stderr only, and fd 3 only with a payload', async () => {
    const open =
      'for fd in /proc/self/fd/*; do n=${fd##*/}; [ -e "$fd" ] && [ "$n" -lt 10 ] && echo "$n"; done';
    const numbers = ({ lines }: { lines: string[] }) => lines.filter((line) => /^stdout: [0-3]$/.test(line));
    expect(numbers(await run(open))).not.toContain('stdout: 3');
    const { lines } = await run('cat <&3', { payload: '{"v":1}\n' });
    expect(lines).toEqual(['stdout: {"v":1}']);
    expect((await run('exec 3<&-; echo done', { payload: 'x'.repeat(1_000_000) })).lines).toEqual([
      'stdout: done',
    ]);
  });

  it('leads its own session and has no capability and no way to get one', async () => {
    const { lines } = await run('cat /proc/self/status');
    const status = lines.join('\n');
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    for (const set of isRoot ? ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'] : ['CapInh', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`${set}:\\s+0+$`, 'm'));
    }
    if (testRunAs !== null)
      expect(status).toMatch(new RegExp(`Uid:\\s+${testRunAs.uid}\\s+${testRunAs.uid}`));
    expect((await run('ps -o pid=,pgid=,sid= $$')).lines[0]).toMatch(/^stdout:\s+(\d+)\s+\1\s+\1$/);
  });

  it('is ended at its deadline with all that it started, also when it does not want to', async () => {
    const script =
      'trap "" TERM; sh -c "trap \\"\\" TERM; echo child $$; while :; do sleep 1; done" & echo child $!; while :; do sleep 1; done';
    const startedAt = performance.now();
    const { exit, lines } = await run(script, { timeoutMs: 300 });
    expect(exit).toEqual({ exitCode: null, signal: 'SIGKILL', timedOut: true });
    expect(performance.now() - startedAt).toBeLessThan(programLimits.graceMs + 10_000);
    const pids = lines.map((line) => Number(line.split(' ')[2]));
    expect(pids.length).toBeGreaterThan(0);
    expect(await Promise.all(pids.map(isRunning))).toEqual(pids.map(() => false));
  });

  it('is ended by the signal, which is what the caller then sees', async () => {
    const controller = new AbortController();
    const running = runProgram(
      {
        argv: ['/bin/sh', '-c', 'echo ready; sleep 60'],
        cwd: '/',
        environment: { PATH: '/bin' },
        runAs: testRunAs,
        timeoutMs: 20_000,
      },
      controller.signal,
      () => controller.abort(new Error('client went away')),
    );
    await expect(running).rejects.toThrow('client went away');
    await expect(run('true', {}, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });

  it('is over when it is over, though something it started holds its output open', async () => {
    const { exit, lines } = await run('setsid sleep 60 & echo $!');
    expect(exit.exitCode).toBe(0);
    process.kill(Number(lines[0]?.split(' ')[1]), 'SIGKILL');
  });

  it('that does not exist, or has no directory to run in, is an exit or an error, never a hang', async () => {
    const missing = await run('', { argv: ['/nowhere/program'] });
    expect(missing.exit.exitCode).toBe(127);
    await expect(run('true', { cwd: '/nowhere' })).rejects.toThrow(/ENOENT/);
  });

  it('survives a flood without holding it all', async () => {
    let count = 0;
    const flood = {
      argv: ['/bin/sh', '-c', 'head -c 50000000 /dev/zero | tr "\\0" "\\n"'] as const,
      cwd: '/',
      environment: { PATH: '/usr/bin:/bin' },
    };
    await runProgram({ ...flood, runAs: testRunAs, timeoutMs: 60_000 }, never, () => (count += 1));
    expect(count).toBe(50_000_000);
  }, 60_000);

  it.runIf(isRoot)('runs in a directory that only its user may enter', async () => {
    await using directory = await temporaryDirectory();
    const { execFileSync } = await import('node:child_process');
    execFileSync('chown', [`${testRunAs?.uid}:${testRunAs?.gid}`, directory.path]);
    await chmod(directory.path, 0o700);
    expect((await run('touch here && ls', { cwd: directory.path })).lines).toEqual(['stdout: here']);
    expect(path.isAbsolute(directory.path)).toBe(true);
  });
});

describe('launching as a user', () => {
  const launch = { argv: ['/bin/true'] as const, environment: { A: '1', LD_PRELOAD: '/tmp/evil.so' } };

  it('never runs anything of an app as root', () => {
    expect(() => launchAsUser(launch, null, 0)).toThrow(
      expect.objectContaining({ code: 'APP_USER_INVALID' }),
    );
    expect(() => launchAsUser(launch, { uid: 0, gid: 5 }, 0)).toThrow(
      expect.objectContaining({ code: 'APP_USER_INVALID' }),
    );
    expect(() => launchAsUser(launch, { uid: 5, gid: 0 }, 0)).toThrow(
      expect.objectContaining({ code: 'APP_USER_INVALID' }),
    );
  });

  it('gives variables that load code to the program, not to setpriv', () => {
    const { argv, environment } = launchAsUser(launch, { uid: 5, gid: 6 }, 0);
    expect(environment).toEqual({ A: '1' });
    expect(argv).toEqual([
      '/usr/bin/setpriv',
      '--reuid=5',
      '--regid=6',
      '--clear-groups',
      '--ambient-caps=-all',
      '--inh-caps=-all',
      '--no-new-privs',
      '--',
      '/usr/bin/env',
      '--',
      'LD_PRELOAD=/tmp/evil.so',
      '/bin/true',
    ]);
  });
});
