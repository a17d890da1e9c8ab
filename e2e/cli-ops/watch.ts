// `tako status --watch` as a program and a log see it; what a person sees is drawn by the same text.
import { expect, it } from 'vitest';
import { ask } from '../support/http-get.ts';
import type { TwoServers } from './two-servers.ts';

const both = ['--app', 'web', '--server', 'far', '--server', 'near'];

export function testWatch(place: () => TwoServers): void {
  it('prints a change, and only a change, and shows a server that went away and came back', async () => {
    const watching = await place().start(['status', '--watch', '--interval', '200ms', ...both]);
    await watching.printed(/near: running, 1\/1 healthy, \d+\.\d req\/s, 0 in flight, \d+ MiB/);
    await place().tako(['maintenance', 'on', '--app', 'web', '--server', 'near']);
    await watching.printed(/near: maintenance/);
    await place().tako(['maintenance', 'off', '--app', 'web', '--server', 'near']);
    await watching.printed(/near: maintenance[^]*near: running/);
    await place().daemons.far.crash(() => watching.printed(/unreachable far: /));
    await watching.printed(/unreachable far: [^]*far: running/);
    watching.child.kill('SIGINT');
    expect(await watching.exited).toMatchObject({ code: 130 });
    const blocks = watching.stdout().trim().split('\n\n');
    expect(new Set(blocks).size).toBe(blocks.length);
  }, 60_000);

  it('gives one JSON value for each reading, with requests per second and memory', async () => {
    const { near } = place();
    const watching = await place().start([
      'status',
      '--watch',
      '--json',
      '--interval',
      '200ms',
      '--app',
      'web',
      '--server',
      'near',
    ]);
    await watching.printed(/tako\.status/);
    for (let count = 0; count < 5; count += 1) await ask({ port: near.httpPort, host: 'web.example.com' });
    await watching.printed(/"requestsPerSecond":0\.[1-9]/);
    watching.child.kill('SIGINT');
    expect(await watching.exited).toMatchObject({ code: 130 });
    for (const line of watching.stdout().trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ schema: 'tako.status/1', ok: true });
  }, 60_000);
}
