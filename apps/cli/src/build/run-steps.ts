// Runs the steps of a build in the workspace, one after the other, with their output streamed. Knows no archive.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { packageManagers, TakoError } from '@tako/config';
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import { streamCommand, type CommandExit } from '../process/stream-command.ts';
import { createBuildEnvironment } from './build-environment.ts';
import type { BuildStep } from './build-plan.ts';

export interface StepRun {
  readonly workspace: string;
  readonly app: string;
  /** Relative to the workspace. */
  readonly appDir: string;
  readonly installDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the preset tells its framework's build. */
  readonly vars: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Errors: BUILD_FAILED and BUILD_TIMED_OUT with the last lines in `details.lastLines`, PACKAGE_MANAGER_NOT_FOUND. */
export async function runBuildSteps(steps: readonly BuildStep[], run: StepRun, parent: Task): Promise<void> {
  for (const step of steps) {
    await parent.run(step.title, (task) => runStep(step, run, task));
  }
}

async function runStep(step: BuildStep, run: StepRun, task: Task): Promise<void> {
  const cwd = path.join(run.workspace, step.cwd);
  await requireDirectory(cwd, step);
  task.note(step.commandLine);
  const lastLines: string[] = [];
  const exit = await streamCommand({
    commandLine: step.commandLine,
    cwd,
    env: createBuildEnvironment(run.env, {
      app: run.app,
      vars: run.vars,
      binDirectories: [
        cwd,
        path.join(run.workspace, run.appDir),
        path.join(run.workspace, run.installDir),
        run.workspace,
      ],
    }),
    timeoutMs: limits.buildStageTimeoutMs,
    signal: run.signal,
    onLine: (stream, line) => {
      lastLines.push(line);
      if (lastLines.length > limits.buildTailLinesMax) lastLines.shift();
      task.print(stream, line);
    },
  });
  if (exit.exitCode !== 0) throw buildFailed(step, exit, lastLines);
}

async function requireDirectory(cwd: string, step: BuildStep): Promise<void> {
  const found = await stat(cwd).catch(() => null);
  if (found?.isDirectory()) return;
  throw new TakoError(
    'BUILD_FAILED',
    `the directory "${step.cwd}" of the step "${step.title}" is not in the sources`,
    { hint: 'Check `cwd` in tako.toml, and that .gitignore does not name the directory.' },
  );
}

/** sh(1): 127 is "command not found". */
const notFoundExitCode = 127;

function buildFailed(step: BuildStep, exit: CommandExit, lastLines: readonly string[]): TakoError {
  const details = {
    step: step.title,
    exitCode: exit.exitCode,
    signal: exit.signal,
    lastLines: [...lastLines],
  };
  if (exit.timedOut) {
    const message = `"${step.commandLine}" did not end within ${limits.buildStageTimeoutMs / 60_000} minutes`;
    return new TakoError('BUILD_TIMED_OUT', message, {
      hint: 'Nothing was sent to any server. See what it waits for in its output above.',
      details,
    });
  }
  const program = step.commandLine.split(' ')[0] ?? '';
  if (exit.exitCode === notFoundExitCode && (packageManagers as readonly string[]).includes(program)) {
    return new TakoError('PACKAGE_MANAGER_NOT_FOUND', `${program} is not installed on this machine`, {
      hint: `Install ${program} (its version is in package.json's packageManager, or "corepack enable" brings it).`,
      details,
    });
  }
  const how = exit.signal === null ? `exit code ${exit.exitCode}` : `signal ${exit.signal}`;
  return new TakoError('BUILD_FAILED', `"${step.commandLine}" failed with ${how} in ${step.cwd}`, {
    hint: 'Nothing was sent to any server. Fix the build, and run the same command again.',
    details,
  });
}
