// The app of these measurements: answers with its version, and what it takes to start without Tako.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@tako/e2e/support/free-port';
import { ask } from '@tako/e2e/support/http-get';
import { type Artifact, packArchive } from '@tako/e2e/support/test-release';

/** How exactly a first answer is seen. */
const pollMs = 2;
const firstAnswerTimeoutMs = 20_000;

const files = {
  'index.js': `import http from 'node:http';
const version = process.env.TAKO_VERSION;
const server = http.createServer((_request, response) => response.setHeader('x-app-version', version).end());
server.listen(Number(process.env.PORT), process.env.HOST, () => process.stdout.write('listening\\n'));
process.once('SIGTERM', () => { server.close(); server.closeAllConnections(); });
`,
  'package.json': '{"type":"module"}',
};

export const packSmallApp = (): Promise<Artifact> =>
  packArchive(Object.entries(files).map(([name, body]) => ({ name, body })));

/** From spawn to listening, without Tako: a sample a round. */
export async function startTimes(rounds: number): Promise<number[]> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tako-bench-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(dir, name), text);
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await startTime(dir));
    return times;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function startTime(dir: string): Promise<number> {
  const environment = { PORT: String(await freePort()), HOST: '127.0.0.1', TAKO_VERSION: 'alone' };
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['index.js'], {
    cwd: dir,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const tookMs = performance.now() - startedAt;
  child.kill('SIGKILL');
  await once(child, 'close');
  return tookMs;
}

/** Resolves to when the first answer of the version came, by `performance.now()`. */
export async function firstAnswerOf(version: string, at: { port: number; host: string }): Promise<number> {
  const deadline = performance.now() + firstAnswerTimeoutMs;
  while (performance.now() < deadline) {
    const answer = await ask(at);
    if (answer.version === version) return performance.now();
    await sleep(pollMs);
  }
  throw new Error(`no answer of ${version} within ${firstAnswerTimeoutMs} ms`);
}
