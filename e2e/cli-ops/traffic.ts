// The operator's switches on real servers: pause, resume, maintenance and reload, over ssh and by socket.
import { expect, it } from 'vitest';
import { ask } from '../support/http-get.ts';
import { until } from '../support/until.ts';
import type { TwoServers } from './two-servers.ts';

export function testTraffic(place: () => TwoServers): void {
  const both = ['--app', 'web', '--server', 'far', '--server', 'near'];
  const get = (port: number) => ask({ port, host: 'web.example.com' });
  const modeOf = async (name: 'far' | 'near'): Promise<string | undefined> => {
    const { deployments } = await place()[name].client.api.status.query({ deploymentId: 'web' });
    return deployments[0]?.mode;
  };

  it('answers everyone with a page during maintenance on every server, and ends it', async () => {
    const on = await place().tako(['maintenance', 'on', ...both, '--json']);
    expect(JSON.parse(on.stdout)).toEqual({
      schema: 'tako.maintenance/1',
      ok: true,
      deploymentId: 'web',
      app: 'web',
      env: 'production',
      on: true,
      servers: ['far', 'near'],
    });
    for (const server of [place().far, place().near]) {
      const answer = await get(server.httpPort);
      expect(answer).toMatchObject({ status: 503, body: expect.stringContaining('under maintenance') });
    }
    const off = await place().tako(['maintenance', 'off', ...both]);
    expect(off).toMatchObject({ exitCode: 0, stdout: 'web answers again\n' });
    expect((await get(place().far.httpPort)).status).toBe(200);
  });

  it('holds requests in a pause through a reload, answers them at the end, and gives up at the bound', async () => {
    expect((await place().tako(['pause', ...both, '--max', '20s'])).exitCode).toBe(0);
    expect(await modeOf('near')).toBe('paused');
    // `far` is reloaded over ssh, `near` by its socket: other processes, the same pause.
    const reloaded = await place().tako(['servers', 'reload', 'far', 'near']);
    expect(reloaded).toMatchObject({ exitCode: 0 });
    expect(reloaded.stdout).toMatch(/^reloaded far \(pid \d+\)\nreloaded near \(pid \d+\)\n$/);
    expect([await modeOf('far'), await modeOf('near')]).toEqual(['paused', 'paused']);
    let answered = 0;
    const held = [place().far, place().near].map(async ({ httpPort }) => {
      const { status } = await get(httpPort);
      answered += 1;
      return status;
    });
    expect((await place().tako(['status', ...both])).stdout).toContain('near: paused');
    expect(answered).toBe(0);
    expect(await place().tako(['resume', ...both])).toMatchObject({ exitCode: 0 });
    expect(await Promise.all(held)).toEqual([200, 200]);

    await place().tako(['pause', '--app', 'web', '--server', 'near', '--max', '100ms']);
    expect((await get(place().near.httpPort)).status).toBe(503);
    await place().tako(['resume', '--app', 'web', '--server', 'near']);
    expect(await place().tako(['pause', ...both, '--max', '1h'])).toMatchObject({ exitCode: 2 });
  });

  it('says what was not switched where one server is gone, and how to finish', async () => {
    const run = await place().tako(
      ['maintenance', 'on', '--app', 'web', '--server', 'near', '--server', 'far'],
      {
        env: { TAKO_SSH_CONFIG: '/dev/null' },
      },
    );
    expect(run.exitCode).toBe(8);
    expect(run.stderr).toContain('Finish: tako maintenance on --app web --env production --server far');
    expect(await modeOf('near')).toBe('maintenance');
    expect((await place().tako(['maintenance', 'off', '--app', 'web', '--server', 'near'])).exitCode).toBe(0);
  });

  it('does not restart a server without being told twice, nor without the right to', async () => {
    const unasked = await place().tako(['servers', 'restart', 'near']);
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    const pid = (await place().near.client.api.server_info.query()).pid;
    const refused = await place().tako(['servers', 'restart', 'near', '--yes'], {
      env: { PATH: '/nowhere' },
    });
    expect(refused.exitCode).not.toBe(0);
    await until(
      'the same daemon',
      async () => (await place().near.client.api.server_info.query()).pid === pid,
    );
  });
}
