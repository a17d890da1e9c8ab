// Runs a release's `release_command` once, before its rollout: in the app's directory, with the environment and the
// secrets that an instance gets.
import path from 'node:path';
import type { Manifest } from '@tako/config';
import type { CommandEvent } from '@tako/protocol';
import type { RunAs } from '@tako/supervisor';
import { LineQueue } from '../programs/line-queue.ts';
import { type ProgramExit, runProgram } from '../programs/run-program.ts';
import type { RuntimeStore } from '../runtimes/runtime-store.ts';
import { releaseLimits } from './limits.ts';

export interface ReleaseCommandDeps {
  readonly runtimes: Pick<RuntimeStore, 'resolveCommand'>;
  readonly nowMs: () => number;
  readonly timeoutMs?: number;
}

export interface ReleaseCommandRequest {
  readonly deploymentId: string;
  readonly manifest: Manifest;
  readonly releaseDir: string;
  /** The app's own folder, `shared/data`. */
  readonly home: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly runAs: RunAs | null;
}

function environmentOf(
  { manifest, home, secrets }: ReleaseCommandRequest,
  runtime: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    HOME: home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...runtime,
    ...manifest.env_vars,
    TAKO_APP: manifest.app,
    TAKO_ENV: manifest.env,
    TAKO_VERSION: manifest.version,
    TAKO_INSTANCE: 'release-command',
    ...(manifest.secrets_expose === 'env' ? secrets : {}),
  };
}

/**
 * Output, then `exited` as the last event, whatever the exit code is. Nothing at all for a release without a command.
 * A reader that goes away, and the signal, end the command and all that it started.
 */
export async function* runReleaseCommand(
  deps: ReleaseCommandDeps,
  request: ReleaseCommandRequest,
  signal: AbortSignal,
): AsyncGenerator<CommandEvent, void, undefined> {
  const { manifest, releaseDir, secrets, runAs } = request;
  const command = manifest.release_command;
  if (command === null) return;
  const startedAt = deps.nowMs();
  const { environment } = await deps.runtimes.resolveCommand(manifest, releaseDir);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  const lines = new LineQueue();
  const running: Promise<ProgramExit> = runProgram(
    {
      argv: ['/bin/sh', '-c', command],
      cwd: path.join(releaseDir, manifest.app_dir),
      environment: environmentOf(request, environment),
      runAs,
      // No instance, so no token of one: the SDK wants some text there and nobody asks for this.
      payload: `${JSON.stringify({ v: 1, token: 'release-command', secrets })}\n`,
      timeoutMs: deps.timeoutMs ?? releaseLimits.releaseCommandTimeoutMs,
    },
    stopping.signal,
    (line) => lines.push(line),
  );
  void running.then(
    () => lines.end(),
    () => lines.end(),
  );
  try {
    for await (const line of lines) yield { type: 'output', ...line };
    const exit = await running;
    yield { type: 'exited', ...exit, durationMs: Math.round(deps.nowMs() - startedAt) };
  } finally {
    signal.removeEventListener('abort', stop);
    stopping.abort(new Error('nobody reads any more'));
    await running.catch(() => undefined);
  }
}
