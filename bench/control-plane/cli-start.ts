// What the command line takes to start, beyond what Node takes for nothing: `tako --version`, and `tako status` of one app
// on a server of this machine.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startServer } from '@tako/e2e/support/start-server';
import { deployed } from '@tako/e2e/support/test-release';
import { type Figure, type Measurement, median } from './figure.ts';
import { packSmallApp } from './small-app.ts';

const tako = path.resolve(import.meta.dirname, '../../bin/tako');
const id = 'start';
const rounds = 15;
const versionGoalMs = 120;
const statusGoalMs = 250;

interface Starts {
  /** `node -e 0`. */
  readonly node: readonly number[];
  /** Beyond that, in the same round. */
  readonly version: readonly number[];
  readonly status: readonly number[];
}

/** In turns, so that whatever else the machine does falls on all of them. */
function measureStarts(home: string): Starts {
  const run = (program: string, args: readonly string[]): number => timed(program, args, home);
  const node: number[] = [];
  const version: number[] = [];
  const status: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const own = run(process.execPath, ['-e', '0']);
    const [withVersion, withStatus] = [run(tako, ['--version']), run(tako, ['status', '--app', id])];
    // The first round fills the file system's cache.
    if (round === 0) continue;
    node.push(own);
    version.push(Math.round(withVersion - own));
    status.push(Math.round(withStatus - own));
  }
  return { node, version, status };
}

async function starts(): Promise<Starts> {
  await using server = await startServer({ workers: 1 });
  const manifest = { health_path: '/' };
  await deployed(server.client, { id, version: 'a', archive: await packSmallApp(), manifest });
  const home = await mkdtemp(path.join(os.tmpdir(), 'tako-bench-'));
  try {
    await writeFile(
      path.join(home, 'config.toml'),
      `[[servers]]\nname = "here"\nhost = "unix:${server.socketPath}"\n`,
    );
    return measureStarts(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function timed(program: string, args: readonly string[], home: string): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(program, [...args], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: home, TAKO_HOME: home },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - startedAt;
}

export const cliStart: Measurement = {
  id: 'cli',
  async measure(): Promise<readonly Figure[]> {
    const { node, version, status } = await starts();
    const note = `beyond Node's own ${Math.round(median(node))} ms`;
    const figure = { unit: 'ms', note } as const;
    return [
      { ...figure, id: 'cli-version', title: 'tako --version', samples: version, goal: versionGoalMs },
      {
        ...figure,
        id: 'cli-status',
        title: 'tako status of a local server',
        samples: status,
        goal: statusGoalMs,
      },
    ];
  },
};
