import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { CommandEvent } from '@tako/protocol';
import { describe, expect, it } from 'vitest';
import { testRunAs } from '../testing/app-user.ts';
import { testManifest } from '../testing/manifest.ts';
import { isRunning } from '../testing/process-liveness.ts';
import { temporaryReleaseSide } from '../testing/release-side.ts';
import { runReleaseCommand } from './release-command.ts';

const never = new AbortController().signal;
const secrets = { DATABASE_URL: 'postgres://secret' };

async function temporaryCommand() {
  const side = await temporaryReleaseSide();
  const releaseDir = path.join(side.dataDir, 'apps/web/releases/v1');
  await mkdir(path.join(releaseDir, 'app'), { recursive: true });
  const run = (
    command: string | null,
    change: Parameters<typeof testManifest>[0] = {},
    timeoutMs = 20_000,
    signal = never,
  ) =>
    runReleaseCommand(
      { runtimes: side.runtimes, nowMs: Date.now, timeoutMs },
      {
        deploymentId: 'web',
        manifest: testManifest({
          release_command: command,
          app_dir: 'app',
          env_vars: { GREETING: 'hi' },
          ...change,
        }),
        releaseDir,
        home: '/tmp',
        secrets,
        runAs: testRunAs,
      },
      signal,
    );
  return {
    run,
    releaseDir,
    async all(...args: Parameters<typeof run>) {
      const events: CommandEvent[] = [];
      for await (const event of run(...args)) events.push(event);
      return events;
    },
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  };
}

const texts = (events: readonly CommandEvent[]) =>
  events.flatMap((event) => (event.type === 'output' ? [event.text] : []));

describe('the release command', () => {
  it('runs in the app’s directory, by a shell, with the environment and PATH of an instance', async () => {
    await using fixture = await temporaryCommand();
    const events = await fixture.all(
      'pwd; echo "$GREETING $TAKO_APP $TAKO_ENV $TAKO_VERSION $HOME $NODE_ENV"; node -p "1+1"; echo oops >&2',
    );
    expect(texts(events)).toEqual(
      expect.arrayContaining([
        path.join(fixture.releaseDir, 'app'),
        'hi web production v1 /tmp production',
        '2',
        'oops',
      ]),
    );
    expect(events.at(-1)).toMatchObject({
      type: 'exited',
      exitCode: 0,
      signal: null,
      timedOut: false,
      durationMs: expect.any(Number),
    });
  });

  it('gets secrets on fd 3, in the environment only by the user’s choice, in argv never', async () => {
    await using fixture = await temporaryCommand();
    const command = 'cat <&3; echo; env | grep -c DATABASE_URL; tr "\\0" " " < /proc/$$/cmdline';
    const lines = texts(await fixture.all(command));
    expect(JSON.parse(lines[0]!)).toEqual({ v: 1, token: 'release-command', secrets });
    expect(lines).toContain('0');
    expect(lines.slice(1).join()).not.toContain('postgres://');
    expect(texts(await fixture.all('echo $DATABASE_URL', { secrets_expose: 'env' }))).toEqual([
      secrets.DATABASE_URL,
    ]);
  });

  it('tells its exit code, its signal and its deadline as the last event', async () => {
    await using fixture = await temporaryCommand();
    expect((await fixture.all('exit 9')).at(-1)).toMatchObject({ exitCode: 9, timedOut: false });
    expect((await fixture.all('kill -KILL $$')).at(-1)).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      timedOut: false,
    });
    expect((await fixture.all('sleep 60', {}, 200)).at(-1)).toMatchObject({ timedOut: true });
  });

  it('does nothing for a release without one', async () => {
    await using fixture = await temporaryCommand();
    expect(await fixture.all(null)).toEqual([]);
  });

  it('ends with the signal, and when its reader goes away', async () => {
    await using fixture = await temporaryCommand();
    const controller = new AbortController();
    const ending = (async () => {
      for await (const _event of fixture.run('echo ready; sleep 60', {}, 60_000, controller.signal))
        controller.abort(new Error('lock lost'));
    })();
    await expect(ending).rejects.toThrow('lock lost');
    let pid = 0;
    for await (const event of fixture.run('echo $$; sleep 60')) {
      if (event.type === 'output') pid = Number(event.text);
      break;
    }
    expect(pid).toBeGreaterThan(1);
    expect(await isRunning(pid)).toBe(false);
  });
});
