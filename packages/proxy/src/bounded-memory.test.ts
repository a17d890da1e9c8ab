// What a slow reader of 1 GB (100 MB where not everything is tested) makes the data plane hold: the app and the client are processes of their own, so that this one
// holds what the data plane holds.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { instanceAt, startPlane, testHost } from './conformance/test-plane.ts';

const bodyBytes = process.env['TAKO_TEST_ALL'] === '1' ? 1_000_000_000 : 100_000_000;
const heldBytesMax = 1_000_000;
const lookMs = 100;

function start(fixture: string, ...args: string[]): ChildProcess & AsyncDisposable {
  const file = path.join(import.meta.dirname, 'conformance', 'fixtures', fixture);
  const child = spawn(process.execPath, ['--conditions=source', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  return Object.assign(child, {
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await exited;
    },
  });
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('Its stdout is a pipe');
  const [data] = (await once(stdout, 'data')) as [Buffer];
  return data.toString().trim();
}

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** Octets of buffers that are still in use; the second collection waits for what the first still frees. */
function heldBytes(): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe('a large body to a slow reader', () => {
  test.each(['all', 'general'] as const)(
    'makes the data plane hold less than 1 MB (lanes: %s)',
    { timeout: 120_000 },
    async (lanes) => {
      await using app = start('large-body-app.ts', String(bodyBytes));
      const port = Number(await firstLine(app));
      await using plane = await startPlane(
        { name: lanes, lanes },
        { deployments: [{ instances: [instanceAt(port)] }] },
      );
      const before = heldBytes();
      let mostHeld = 0;
      let looks = 0;
      const looking = setInterval(() => {
        looks += 1;
        mostHeld = Math.max(mostHeld, heldBytes() - before);
      }, lookMs);
      await using reader = start('slow-reader.ts', String(plane.port), testHost);
      expect(await firstLine(reader)).toBe(String(bodyBytes));
      clearInterval(looking);
      expect(looks).toBeGreaterThan(2);
      expect(mostHeld).toBeLessThan(heldBytesMax);
    },
  );
});
