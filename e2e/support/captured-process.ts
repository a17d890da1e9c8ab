// A child process whose output is kept and can be awaited. It knows nothing of Tako.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Kept of each stream; more is dropped from the front. */
const OUTPUT_CHARACTERS_MAX = 4 * 1024 * 1024;
const ERROR_CHARACTERS_MAX = 6000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CapturedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The process has ended; others may still hold its output. */
  readonly exited: Promise<Exit>;
  /** It has ended, and nobody can write to its output any more. */
  readonly closed: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** Both streams in the order in which they came. */
  output(): string;
  /** Resolves with the match when the output has it; rejects when the process ends, or at the deadline, without it. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
}

export async function startCaptured(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<CapturedProcess> {
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const text = { stdout: '', stderr: '', output: '' };
  const changed = new EventTarget();
  const keep = (name: 'stdout' | 'stderr') => (chunk: string) => {
    text[name] = (text[name] + chunk).slice(-OUTPUT_CHARACTERS_MAX);
    text.output = (text.output + chunk).slice(-OUTPUT_CHARACTERS_MAX);
    changed.dispatchEvent(new Event('text'));
  };
  child.stdout?.setEncoding('utf8').on('data', keep('stdout'));
  child.stderr?.setEncoding('utf8').on('data', keep('stderr'));
  const until = async (event: 'exit' | 'close'): Promise<Exit> => {
    await once(child, event);
    changed.dispatchEvent(new Event('text'));
    return { code: child.exitCode, signal: child.signalCode };
  };
  const [exited, closed] = [until('exit'), until('close')];
  await once(child, 'spawn');
  return {
    child,
    pid: child.pid ?? -1,
    exited,
    closed,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    output: () => text.output,
    printed: async (pattern, timeoutMs = 20_000) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const match = pattern.exec(text.output);
        if (match !== null) return match;
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(
            `${command} ended without printing ${pattern}:\n${text.output.slice(-ERROR_CHARACTERS_MAX)}`,
          );
        await once(changed, 'text', { signal: deadline }).catch(() => undefined);
        if (deadline.aborted)
          throw new Error(
            `${command} did not print ${pattern} within ${timeoutMs} ms:\n${text.output.slice(-ERROR_CHARACTERS_MAX)}`,
          );
      }
    },
  };
}
