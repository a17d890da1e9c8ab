// `tako logs` on two real servers: history, and following through everything that breaks a stream.
import { expect, it } from 'vitest';
import { ended } from '../support/processes.ts';
import { deployRelease } from '../support/test-release.ts';
import { say, type TwoServers } from './two-servers.ts';

/** What was said on each server, in the order in which it was shown. */
function said(output: string): Record<string, string[]> {
  const words: Record<string, string[]> = {};
  for (const [, server, word] of output.matchAll(/\[(\w+)\] \S+ said-(\S+)/g))
    (words[server ?? ''] ??= []).push(word ?? '');
  return words;
}

export function testLogs(place: () => TwoServers): void {
  it('searches history, counts the lines that match, prints JSON, and shows a failed start', async () => {
    for (let count = 1; count <= 8; count += 1) await say(place().near, `said-${count}`);
    await say(place().near, 'said-err', 'shout');
    const only = ['--app', 'web', '--server', 'near'];
    const search = await place().tako(['logs', ...only, '--grep', 'said-[24]', '--lines', '1']);
    expect(search.stdout).toMatch(/^\S+ \S+ \S+ said-4\n$/);
    const json = await place().tako(['logs', ...only, '--lines', '2', '--json']);
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      { schema: 'tako.log/1', type: 'entry', server: 'near', stream: 'stdout', text: 'said-8' },
      { stream: 'stderr', text: 'said-err' },
    ]);
    expect((await place().tako(['logs', ...only, '--since', '1h'])).stdout).toContain('said-1');

    const events = await deployRelease(place().near.client, { version: 'v2', behaviour: 'exits-at-once' });
    expect(events.at(-1)).toMatchObject({ type: 'rolledBack' });
    const failed = await place().tako(['logs', ...only, '--release', 'v2']);
    expect(failed).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('cannot find the database'),
    });
    expect(await place().tako(['logs', ...only, '--release', 'v9'])).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('RELEASE_NOT_FOUND'),
    });
  }, 60_000);

  it('follows two servers through a reload, a crash and a dropped ssh connection, no line twice and none lost', async () => {
    const { far, near, sshd, daemons } = place();
    const chain = daemons.far;
    for (const word of ['1', '2']) {
      await say(far, `said-${word}`);
      await say(near, `said-${word}`);
    }
    const both = ['logs', '--app', 'web', '--server', 'far', '--server', 'near'];
    const history = await place().tako([...both, '--lines', '2', '--grep', 'said']);
    expect(said(history.stdout)).toEqual({ far: ['1', '2'], near: ['1', '2'] });
    const running = await place().start([...both, '--follow', '--lines', '1']);
    await running.printed(/\[far\] .*said-2[^]*\[near\] .*said-2|\[near\] .*said-2[^]*\[far\] .*said-2/);

    const reloading = chain.reload();
    await say(far, 'said-3');
    expect(await reloading).toMatchObject({ kind: 'reloaded' });
    await say(far, 'said-4');
    await running.printed(/said-4/);

    const { pid } = (await chain.status()).server;
    const crashing = chain.crash();
    await ended(pid, 10_000);
    // Nobody reads the app's output at the moment; the workers serve.
    await say(far, 'said-5');
    await crashing;
    await say(far, 'said-6');
    await running.printed(/said-6/);

    expect(sshd.cutSessions()).toBeGreaterThan(0);
    await say(far, 'said-7');
    await say(near, 'said-3');
    await say(far, 'said-8');
    await running.printed(/said-8/);
    await running.printed(/\[near\] .*said-3/);

    running.child.kill('SIGINT');
    expect(await running.exited).toMatchObject({ code: 130 });
    expect(said(running.stdout())).toEqual({
      far: ['2', '3', '4', '5', '6', '7', '8'],
      near: ['2', '3'],
    });
    expect(running.stderr()).toContain('[far] the log stream broke; connecting again');
  }, 60_000);
}
