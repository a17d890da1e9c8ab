// The program that serves a site, run as it is deployed: copied beside the files of a build.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { addSiteProgram, siteProgramName } from '../build/site-program.ts';
import { openTempDirectory, type TempDirectory } from '../testing/temp-directory.ts';

interface Site extends AsyncDisposable {
  readonly child: ChildProcess;
  get(
    pathname: string,
    headers?: Record<string, string>,
    method?: string,
  ): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }>;
}

async function serve(dir: TempDirectory): Promise<Site> {
  await addSiteProgram(dir.path);
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  const child = spawn(process.execPath, [siteProgramName], {
    cwd: dir.path,
    env: { PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return {
    child,
    get: async (pathname, headers = {}, method = 'GET') => {
      const request = http
        .request({ port, host: '127.0.0.1', path: pathname, headers, method, agent: false })
        .end();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      return { status: response.statusCode, headers: response.headers, body: await text(response) };
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

it('serves files, folders and pages without their ending, the index for its router, and ends at SIGTERM', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'public/index.html': 'home',
    'public/about.html': 'about',
    'public/docs/index.html': 'docs',
    'public/assets/a-0123abcd.js': 'hashed',
    'public/ümlaut.txt': 'decoded',
    'public/empty.css': '',
  });
  await using site = await serve(dir);
  const bodies = ['/', '/about', '/docs', '/docs/', '/a/page?x=1', '/%C3%BCmlaut.txt', '/empty.css'];
  expect(await Promise.all(bodies.map(async (pathname) => (await site.get(pathname)).body))).toEqual([
    'home',
    'about',
    'docs',
    'docs',
    'home',
    'decoded',
    '',
  ]);
  expect((await site.get('/')).headers).toMatchObject({
    'cache-control': 'no-cache',
    'content-type': /html/,
  });
  expect((await site.get('/assets/a-0123abcd.js')).headers['cache-control']).toContain('immutable');
  expect(await site.get('/', {}, 'HEAD')).toMatchObject({
    status: 200,
    body: '',
    headers: { 'content-length': '4' },
  });
  expect(await site.get('/', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  site.child.kill('SIGTERM');
  expect((await once(site.child, 'exit'))[0]).toBe(0);
});

it('answers conditional requests and one range, at its ends and past them', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'public/index.html': 'home', 'public/film.mp4': '0123456789' });
  await using site = await serve(dir);
  const { etag } = (await site.get('/film.mp4')).headers;
  expect(etag).toMatch(/^"[\w-]{22}"$/);
  expect(await site.get('/film.mp4', { 'if-none-match': `"x", W/${etag}` })).toMatchObject({
    status: 304,
    body: '',
  });
  const ranges: Record<string, [number, string]> = {
    'bytes=0-3': [206, '0123'],
    'bytes=8-': [206, '89'],
    'bytes=-2': [206, '89'],
    'bytes=9-99': [206, '9'],
    'bytes=10-': [416, ''],
    'bytes=5-2': [416, ''],
    'bytes=0-1,3-4': [200, '0123456789'],
    'lines=1-2': [200, '0123456789'],
  };
  for (const [range, [status, body]] of Object.entries(ranges))
    expect({ range, ...(await site.get('/film.mp4', { range })) }).toMatchObject({ range, status, body });
  expect(await site.get('/film.mp4', { range: 'bytes=0-3', 'if-range': '"other"' })).toMatchObject({
    status: 200,
  });
});

it('shows nothing that does not lie in its folder', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'secret.txt': 'secret', 'public/index.html': 'home', 'public/a.txt': 'a' });
  await symlink('../secret.txt', path.join(dir.path, 'public/link.txt'));
  await using site = await serve(dir);
  const hostile = [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/link.txt',
    '/a.txt%00',
    '/%ff',
    '/%',
  ];
  for (const pathname of [...hostile, `/${siteProgramName}`, '/none.js'])
    expect({ pathname, ...(await site.get(pathname)) }).toMatchObject({ status: 404, body: 'Not found\n' });
});
