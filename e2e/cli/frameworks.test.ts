// Each framework that has a preset: its example is built here with its dependencies from the registry, deployed by the
// real command to one real server, and asked for a page, what the page needs, and what must not be there.
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExampleProject } from '../support/example-project.ts';
import { type Answer, ask } from '../support/http-get.ts';
import { runTako } from '../support/run-tako.ts';
import { type RunningServer, startServer } from '../support/start-server.ts';
import { type Home, makeHome } from './home.ts';

let server: RunningServer;
let home: Home;

beforeAll(async () => {
  server = await startServer({ workers: 1 });
  home = await makeHome();
  const added = await runTako(['servers', 'add', `unix:${server.socketPath}`, '--name', 'here'], {
    cwd: home.dir,
    home: home.dir,
  });
  expect(added).toMatchObject({ exitCode: 0 });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

type Get = (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;

interface Deployed {
  readonly version: string;
  readonly get: Get;
  /** Of the release on the server. */
  readonly directory: string;
}

async function deploy(name: string): Promise<Deployed> {
  const file = path.resolve(import.meta.dirname, '../../examples/frameworks', name, 'tako.toml');
  const takoToml = `${await fs.readFile(file, 'utf8')}https_redirect = false\n\n[rollout]\nstable_s = 0.2\n`;
  await using project = await createExampleProject(`frameworks/${name}`, { takoToml });
  const result = await runTako(['deploy', '--yes', '--json'], {
    cwd: project.appDir,
    home: home.dir,
    timeoutMs: 280_000,
  });
  if (result.exitCode !== 0) throw new Error(result.output.slice(-6000));
  const { version } = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as { version: string };
  return {
    version,
    directory: path.join(server.dataDir, 'apps', name, 'releases', version),
    get: (pathname, headers = {}) =>
      ask({ port: server.httpPort, host: `${name}.example.com`, path: pathname, headers }),
  };
}

/** Where the instance accepts connections, as the kernel has it. */
async function listensOn(name: string): Promise<string[]> {
  const { deployments } = await server.client.api.status.query({ deploymentId: name });
  const ports = deployments.flatMap(({ builds }) =>
    builds.flatMap((build) => build.instances.map(({ port }) => port)),
  );
  const table = `${await fs.readFile('/proc/net/tcp', 'utf8')}${await fs.readFile('/proc/net/tcp6', 'utf8')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => {
      const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
      return state === '0A' && ports.includes(port);
    })
    .map(([, local]) => local?.split(':')[0] ?? '');
}

/** 127.0.0.1, as /proc/net/tcp writes it. */
const loopback = '0100007F';

describe('a deployed example', { timeout: 300_000 }, () => {
  test.each(['express', 'fastify', 'hono'])('of %s answers on the loopback only', async (name) => {
    const { get, version } = await deploy(name);
    expect(await get('/')).toMatchObject({
      status: 200,
      body: expect.stringMatching(/<h1>\w+ on Tako/) as string,
    });
    expect(await get('/version')).toMatchObject({ status: 200, body: version });
    expect(await listensOn(name)).toEqual([loopback]);
  });

  test('of Vite shows its page at every path, its assets for a year, and 404 for what is missing', async () => {
    const { get } = await deploy('vite');
    const page = await get('/');
    expect(page).toMatchObject({ status: 200, body: expect.stringContaining('<h1>Vite on Tako') as string });
    expect(page.headers['cache-control']).toBe('no-cache');
    const script = await get(/src="(\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] ?? 'none');
    expect(script.headers['cache-control']).toContain('immutable');
    expect(script.headers['content-type']).toContain('javascript');
    const etag = script.headers['etag'] ?? '';
    expect(
      await get(/src="(\/assets\/[^"]+)"/.exec(page.body)?.[1] ?? '', { 'if-none-match': etag }),
    ).toMatchObject({
      status: 304,
    });
    expect((await get('/some/page?q=1')).body).toBe(page.body);
    expect((await get('/robots.txt')).body).toContain('User-agent');
    for (const missing of ['/assets/none.js', '/%2e%2e/tako-site.mjs', '/..%2ftako.toml', '/%00', '/%ff'])
      expect({ missing, ...(await get(missing)) }).toMatchObject({
        status: expect.toBeOneOf([400, 404]) as number,
      });
    expect(await listensOn('vite')).toEqual([loopback]);
  });

  test('of Next.js runs from its standalone folder with its packages, static files and public files', async () => {
    const { get, version, directory } = await deploy('nextjs');
    const page = await get('/');
    expect(page).toMatchObject({ status: 200 });
    expect(page.body.replaceAll('<!-- -->', '')).toContain(`release ${version}, with WebSocket`);
    const style = /href="(\/_next\/static\/[^"]+\.css[^"]*)"/.exec(page.body)?.[1] ?? 'none';
    expect(await get(style)).toMatchObject({
      status: 200,
      body: expect.stringContaining('sans-serif') as string,
    });
    expect((await get('/robots.txt')).body).toContain('User-agent');
    // Nothing was installed on the server, and no sources lie there.
    expect((await fs.readdir(directory)).filter((name) => /^(node_modules|app)$/.test(name))).toEqual([]);
    expect(await listensOn('nextjs')).toEqual([loopback]);
  });

  test('of TanStack Start renders on the server, with its assets', async () => {
    const { get, version } = await deploy('tanstack-start');
    const page = await get('/');
    expect(page.body.replaceAll('<!-- -->', '')).toContain(`TanStack Start, release ${version}`);
    const script = /href="(\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] ?? 'none';
    expect((await get(script)).headers['content-type']).toContain('javascript');
    expect(await listensOn('tanstack-start')).toEqual([loopback]);
  });
});
