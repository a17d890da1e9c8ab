// Clients that others wrote: curl and h2load, over TLS and in clear.
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp } from '../../conformance/test-app.ts';
import { makeCertificate } from '../../conformance/test-certificates.ts';
import { instanceAt, startPlane, testHost, type TestPlane } from '../../conformance/test-plane.ts';

const run = promisify(execFile);

const has = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    // Not installed here: its test is skipped.
    return false;
  }
};

describe.each(http2Lanes)('$name', (lane) => {
  const start = async (port: number): Promise<TestPlane> =>
    await startPlane(lane, {
      deployments: [{ instances: [instanceAt(port)] }],
      certificates: [await makeCertificate([testHost], true)],
      https: true,
    });

  const places = ['https', 'http'] as const;

  describe.runIf(has('curl'))('curl', () => {
    const curl = async (plane: TestPlane, scheme: 'http' | 'https', ...more: string[]): Promise<string> => {
      const port = scheme === 'https' ? plane.httpsPort : plane.port;
      const version = scheme === 'https' ? '--http2' : '--http2-prior-knowledge';
      const resolve = ['--resolve', `${testHost}:${port}:127.0.0.1`];
      const report = ['-w', '\n%{http_version} %{http_code}'];
      const url = `${scheme}://${testHost}:${port}/a?b=c`;
      const { stdout } = await run('curl', ['-sSk', version, ...resolve, ...report, ...more, url]);
      return stdout;
    };

    test.each(places)('gets, posts, uploads and downloads over %s', async (scheme) => {
      await using app = await startApp();
      await using plane = await start(app.port);
      expect(await curl(plane, scheme)).toMatch(/\n2 200$/);
      expect(await curl(plane, scheme, '-d', 'a=1', '-b', 'x=1; y=2')).toMatch(/\n2 200$/);
      expect(app.seen[1]).toMatchObject({ method: 'POST', body: 'a=1', headers: { cookie: 'x=1; y=2' } });
      expect(await curl(plane, scheme, '-I')).toMatch(/^HTTP\/2 200/);
    });

    test('uploads and downloads a file unchanged, its length told or not', async () => {
      await using app = await startApp((message, response) => void message.pipe(response));
      await using plane = await start(app.port);
      const dir = await mkdtemp(join(tmpdir(), 'tako-http2-'));
      try {
        const bytes = randomBytes(5 * 1024 * 1024);
        const [up, down] = [join(dir, 'up'), join(dir, 'down')];
        await writeFile(up, bytes);
        for (const more of [[], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect: 100-continue']]) {
          expect(await curl(plane, 'https', '-T', up, '-o', down, ...more)).toMatch(/2 200$/);
          const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
          expect(sum(await readFile(down))).toBe(sum(bytes));
        }
      } finally {
        await rm(dir, { recursive: true });
      }
    });
  });

  describe.runIf(has('chromium'))('Chromium', () => {
    const page = `<!doctype html><title>t</title><script type="module">
      const bytes = new Uint8Array(300000).map((_, index) => index % 251);
      const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
        const answer = await fetch('/echo?' + index, { method: 'POST', body: bytes });
        const back = new Uint8Array(await answer.arrayBuffer());
        return back.length === bytes.length && back.every((octet, at) => octet === bytes[at]);
      }));
      const protocols = new Set(performance.getEntries().map((entry) => entry.nextHopProtocol).filter(Boolean));
      document.body.textContent = JSON.stringify([answers.filter(Boolean).length, [...protocols]]);
    </script>`;

    test('loads a page and sends and gets bodies side by side', { timeout: 60_000 }, async () => {
      await using app = await startApp((message, response) => {
        if (message.method === 'POST') message.pipe(response);
        else response.setHeader('Content-Type', 'text/html').end(message.url === '/' ? page : '');
      });
      await using plane = await start(app.port);
      const profile = await mkdtemp(join(tmpdir(), 'tako-chromium-'));
      try {
        const { stdout } = await run('chromium', [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--ignore-certificate-errors',
          `--user-data-dir=${profile}`,
          `--host-resolver-rules=MAP ${testHost} 127.0.0.1`,
          '--virtual-time-budget=10000',
          '--dump-dom',
          `https://${testHost}:${plane.httpsPort}/`,
        ]);
        expect(stdout).toContain('[20,["h2"]]');
      } finally {
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      }
    });
  });

  describe.runIf(has('h2load'))('h2load', () => {
    test.each(places)('gets every answer over %s', async (scheme) => {
      await using app = await startApp((_message, response) => response.end('x'.repeat(100)));
      await using plane = await start(app.port);
      const port = scheme === 'https' ? plane.httpsPort : plane.port;
      const load = ['-n', '3000', '-c', '8', '-m', '32', `--connect-to=127.0.0.1:${port}`];
      const { stdout } = await run('h2load', [...load, `${scheme}://${testHost}:${port}/`]);
      expect(stdout).toContain('3000 succeeded, 0 failed, 0 errored');
      expect(stdout).toContain('status codes: 3000 2xx');
    });
  });
});
