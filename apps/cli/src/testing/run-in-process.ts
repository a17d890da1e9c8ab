// The command line within the test's own process, for many short runs: all of it but main.ts, with streams of its own.
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createInterruption } from '../cli/interruption.ts';
import { runCli } from '../cli/run-cli.ts';
import { readProcessEnvironment } from '../process-environment.ts';
import type { TakoRun } from './run-tako.ts';

export interface RunPlace {
  readonly cwd: string;
  readonly takoHome: string;
  readonly sshConfigFile?: string | null;
}

export async function runInProcess(
  argv: readonly string[],
  place: RunPlace,
  stdin = '',
): Promise<TakoRun & { exitCode: number }> {
  const text = { stdout: '', stderr: '' };
  const exitCode = await runCli({
    argv,
    environment: {
      cwd: place.cwd,
      home: path.dirname(place.takoHome),
      takoHome: place.takoHome,
      sshConfigFile: place.sshConfigFile ?? null,
      user: 'anna',
      host: os.hostname(),
      pid: process.pid,
      ci: true,
      noColor: true,
      forceColor: false,
      stdinIsTty: false,
      stdoutIsTty: false,
      stderrIsTty: false,
      variables: { PATH: readProcessEnvironment().variables['PATH'] ?? '', HOME: place.takoHome },
    },
    streams: {
      writeStdout: (written) => void (text.stdout += written),
      writeStderr: (written) => void (text.stderr += written),
      columns: () => 80,
      rows: () => 24,
    },
    interruption: createInterruption(),
    packageRoot: path.resolve(import.meta.dirname, '..', '..'),
    version: '0.1.0',
    onLeave: () => () => undefined,
    readStdin: () => Readable.from([Buffer.from(stdin)]),
  });
  return { exitCode, ...text };
}
