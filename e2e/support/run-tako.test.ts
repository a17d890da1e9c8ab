import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runTako, startTako } from './run-tako.ts';

async function temporaryHome(): Promise<AsyncDisposable & { readonly cwd: string; readonly home: string }> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-run-'));
  return {
    cwd: dir,
    home: path.join(dir, 'home'),
    [Symbol.asyncDispose]: () => fs.rm(dir, { recursive: true }),
  };
}

/** A program in the place of tako that says what it was given. */
async function program(dir: string, script: string): Promise<string> {
  const file = path.join(dir, 'program');
  await fs.writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

test('the real command runs: its version on stdout, a wrong command on stderr with exit code 2', async () => {
  await using place = await temporaryHome();
  const version = await runTako(['--version'], place);
  expect(version).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
  expect(version.stdout).toMatch(/\d+\.\d+\.\d+/);
  const wrong = await runTako(['no-such-command'], place);
  expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
  expect(wrong.stderr).not.toBe('');
});

test('streams, exit code, stdin, directory and environment are what they should be', async () => {
  await using place = await temporaryHome();
  const file = await program(
    place.cwd,
    'read line; echo "$line $1 $TAKO_HOME $EXTRA $PWD"; echo oops >&2; exit 7',
  );
  const result = await runTako(['arg'], {
    ...place,
    program: file,
    input: 'typed\n',
    env: { EXTRA: 'more' },
  });
  expect(result).toMatchObject({
    exitCode: 7,
    stderr: 'oops\n',
    stdout: `typed arg ${place.home} more ${place.cwd}\n`,
  });
  expect(result.output.split('\n').toSorted((a, b) => a.localeCompare(b))).toContain('oops');
});

test('a command that does not end is killed at the deadline, and its output is in the error', async () => {
  await using place = await temporaryHome();
  const file = await program(place.cwd, 'echo so far; exec sleep 60');
  await expect(runTako([], { ...place, program: file, timeoutMs: 300 })).rejects.toThrow(
    /did not end within 300 ms:\nso far/,
  );
});

test('a running command can be waited for and interrupted', async () => {
  await using place = await temporaryHome();
  const file = await program(
    place.cwd,
    "trap 'echo interrupted; exit 130' INT; echo running; while :; do sleep 0.05; done",
  );
  const running = await startTako([], { ...place, program: file });
  expect((await running.printed(/run(ning)/))[1]).toBe('ning');
  running.child.kill('SIGINT');
  expect(await running.closed).toEqual({ code: 130, signal: null });
  expect(running.stdout()).toContain('interrupted');
  await expect(running.printed(/never/)).rejects.toThrow(/ended without printing/);
});
