// An app closes an idle connection at the moment a request comes: that request is lost, unless the pool never lets
// it come to that. Waves of POSTs, timed to meet the app's own keep-alive.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createUpstreamClient, type UpstreamWireClient } from './upstream-client.ts';
import type { UpstreamLimits } from './limits.ts';
import type { UpstreamTarget } from './upstream.types.ts';
import { sendRecorded } from './testing/recorded-call.ts';

/** Node's own default. */
const keepAliveMs = 5_000;
const postsPerWave = 500;
const wavesMax = 200;
const waves = process.env['TAKO_TEST_ALL'] === '1' ? wavesMax : 50;
const wavesToAnEdge = 25;

interface App extends AsyncDisposable {
  readonly target: UpstreamTarget;
}

async function startApp(announced: 'announced' | 'silent'): Promise<App> {
  const file = path.join(import.meta.dirname, 'fixtures', 'short-keep-alive-app.ts');
  const child = spawn(process.execPath, [file, String(keepAliveMs), announced], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    target: { id: 'app', host: '127.0.0.1', port: Number(line.toString()), protocol: 'http1' },
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

const pauseFor = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function post(client: UpstreamWireClient, target: UpstreamTarget): Promise<boolean> {
  const { failure } = await sendRecorded(client, target, {
    method: 'POST',
    body: { kind: 'sized', bytes: 5 },
    replayable: false,
    onReady: (call) => {
      call.write(Buffer.from('hello'));
      call.end();
    },
  }).done;
  return failure === null;
}

interface Load {
  readonly limits?: Partial<UpstreamLimits>;
  readonly announced: 'announced' | 'silent';
  readonly untilLost?: boolean;
}

/** The last wave of each round meets connections that have been idle for just about the app's keep-alive. */
async function runWaves({
  limits = {},
  announced,
  untilLost = false,
}: Load): Promise<{ sent: number; lost: number }> {
  await using app = await startApp(announced);
  const client = createUpstreamClient({ limits });
  let sent = 0;
  let lost = 0;
  // One loss is enough, and mostly comes at the first edge; chance gets as many as there are.
  const most = untilLost ? wavesMax : waves;
  for (let wave = 0; wave < most; wave += 1) {
    const atTheEdge = wave % wavesToAnEdge === wavesToAnEdge - 1;
    const posts = Array.from({ length: postsPerWave }, async (_, index) => {
      await pauseFor(atTheEdge ? keepAliveMs - 15 + (index % 20) : index % 3);
      sent += 1;
      if (!(await post(client, app.target))) lost += 1;
    });
    await Promise.all(posts);
    if (untilLost && lost > 0) break;
  }
  client.close();
  return { sent, lost };
}

describe('POSTs to an app with a keep-alive of 5 s', () => {
  const timeoutMs = 240_000;

  // Side by side: most of their time is waiting for the app's own limit.
  it.concurrent('are never lost when it announces that', { timeout: timeoutMs }, async ({ expect }) => {
    expect(await runWaves({ announced: 'announced' })).toEqual({ sent: waves * postsPerWave, lost: 0 });
  });

  it.concurrent('are never lost when it does not', { timeout: timeoutMs }, async ({ expect }) => {
    expect(await runWaves({ announced: 'silent' })).toEqual({ sent: waves * postsPerWave, lost: 0 });
  });

  it(
    'are lost without the pool’s care, so the load above does meet the race',
    { timeout: timeoutMs },
    async () => {
      const careless = { announcedMarginMs: -60_000, idleTimeoutMaxMs: 60_000 };
      const { lost } = await runWaves({ announced: 'announced', limits: careless, untilLost: true });
      expect(lost).toBeGreaterThan(0);
    },
  );
});
