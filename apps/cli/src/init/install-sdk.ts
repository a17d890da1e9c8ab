// Adds @tako/sdk to a project with its own package manager. Knows no questions.
import { TakoError, type PackageManager } from '@tako/config';
import { createBuildEnvironment } from '../build/build-environment.ts';
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import { streamCommand } from '../process/stream-command.ts';

const commands: Readonly<Record<PackageManager, string>> = {
  npm: 'npm install @tako/sdk',
  pnpm: 'pnpm add @tako/sdk',
  yarn: 'yarn add @tako/sdk',
  bun: 'bun add @tako/sdk',
};

export interface SdkInstall {
  readonly directory: string;
  readonly manager: PackageManager;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Errors: BUILD_FAILED, with the last lines. */
export async function installSdk(install: SdkInstall, task: Task): Promise<void> {
  const commandLine = commands[install.manager];
  const lastLines: string[] = [];
  const exit = await streamCommand({
    commandLine,
    cwd: install.directory,
    env: createBuildEnvironment(install.env, { app: '', binDirectories: [install.directory] }),
    timeoutMs: limits.buildStageTimeoutMs,
    signal: install.signal,
    onLine: (stream, line) => {
      lastLines.push(line);
      if (lastLines.length > limits.buildTailLinesMax) lastLines.shift();
      task.print(stream, line);
    },
  });
  if (exit.exitCode === 0) return;
  throw new TakoError('BUILD_FAILED', `"${commandLine}" failed`, {
    hint: 'tako.toml was written; install the SDK by hand.',
    details: { lastLines },
  });
}
