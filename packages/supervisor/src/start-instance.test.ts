import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeInheritedDescriptors } from './inherited-descriptors.ts';
import type { Instance } from './instance.types.ts';
import { appUser, fixture, freePort, httpChoices, program, start, tempDir } from './testing.ts';

// Whoever started the tests may have left descriptors open; a daemon closes them first thing, and so does this file.
closeInheritedDescriptors(new Set());

function pidOf(instance: Instance): number {
  if (instance.identity === null) throw new Error('it was not spawned');
  return instance.identity.pid;
}

function statusField(pid: number, name: string): string {
  return (
    new RegExp(`^${name}:[ \\t]+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
  );
}

test('an app with the SDK contract becomes ready by its line, healthy by its first probe, and stops in peace', async () => {
  await using directory = tempDir();
  await using run = start(directory.path);
  expect(run.instance.state).toBe('starting');
  expect(await run.instance.whenStarted).toEqual({ kind: 'healthy' });
  expect(run.instance.port).toBeGreaterThan(0);
  const outcome = await run.instance.stop('enough');
  expect(outcome).toMatchObject({ exitCode: 0, signal: null, expected: true });
  expect(run.recorder.states).toEqual(['ready', 'healthy', 'draining', 'stopped']);
  expect(run.recorder.texts).toEqual(['booting', 'serving', 'stopping']);
  expect(run.recorder.events.at(-1)).toEqual({ type: 'exited', outcome });
  expect(existsSync(run.instance.spec.runDir)).toBe(false);
});

test('an app without the SDK is healthy when it answers on its port', async () => {
  await using directory = tempDir();
  const port = await freePort();
  await using run = start(directory.path, { argv: program('http-app.mjs'), ...httpChoices(port) });
  expect(await run.instance.whenStarted).toEqual({ kind: 'healthy' });
  expect(run.instance.port).toBe(port);
  expect(run.instance.lastProbe).toMatchObject({ ok: true, status: 200, firstBytes: 'host=demo.example' });
});

test.each([
  ['an unprivileged user', appUser],
  ['no other user', null],
])(
  'the process holds no capability, four descriptors and exactly its environment, as %s',
  async (_title, runAs) => {
    await using directory = tempDir();
    const environment = {
      PATH: '/usr/bin:/bin',
      LANG: 'C.UTF-8',
      LD_LIBRARY_PATH: '/opt/lib',
      MALLOC_ARENA_MAX: '2',
    };
    await using run = start(directory.path, { argv: [fixture('sleeps.sh')], environment, runAs });
    await run.recorder.until('it sleeps', ({ texts }) => texts.includes('sleeping'));
    const pid = pidOf(run.instance);
    await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\x001000\x00');

    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      expect(statusField(pid, name)).toBe('0000000000000000');
    expect(statusField(pid, 'NoNewPrivs')).toBe('1');
    const user = runAs ?? { uid: process.getuid?.(), gid: process.getgid?.() };
    expect(statusField(pid, 'Uid')).toBe(Array(4).fill(user.uid).join('\t'));
    expect(statusField(pid, 'Gid')).toBe(Array(4).fill(user.gid).join('\t'));
    if (runAs !== null) expect(statusField(pid, 'Groups').trim()).toBe('');

    const { runDir } = run.instance.spec;
    // Polled: the program opens its own files (locale, libraries) for a moment.
    const descriptors = (): unknown => {
      const names = readdirSync(`/proc/${pid}/fd`);
      return Object.fromEntries(names.map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)]));
    };
    await expect.poll(descriptors).toEqual({
      0: '/dev/null',
      1: `${runDir}/stdout`,
      2: `${runDir}/stderr`,
      3: expect.stringMatching(/^socket:/),
    });
    const seen = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((entry) => entry !== '' && !entry.startsWith('PWD='));
    const listed = Object.entries({ ...environment, PORT: '0', HOST: '127.0.0.1' }).map(
      ([name, value]) => `${name}=${value}`,
    );
    expect(seen.toSorted()).toEqual(listed.toSorted());
  },
);
