// From a bound server to the exit: says readiness once, stops gracefully on SIGTERM, ends the process with a
// reason when the start fails. It knows servers only as something that drains.
import process from 'node:process';
import { inspect } from 'node:util';
import { type Hooks } from './app.ts';
import { type InstanceContext } from './instance-context.ts';

export interface Drainable {
  /** Refuses new connections and resolves when the last one has ended, or been aborted at the deadline. */
  drain(): Promise<void>;
}

/** 128 + SIGTERM: the second SIGTERM does not wait for anything. */
const EXIT_IMPATIENT = 143;

/** Awaits `ready()`; a throw ends the process, non-zero, with the reason on stderr. */
export async function awaitReady(hooks: Hooks): Promise<void> {
  try {
    await hooks.ready?.();
  } catch (error) {
    endProcess(1, 'ready() failed', error);
  }
}

/** Writes `TAKO:READY:<port>` as its own line (spec 60). An app's unfinished line before it is ended first. */
export function sayReady(context: InstanceContext, port: number): void {
  if (!context.isManaged || context.phase !== 'starting') return;
  context.moveTo('ready');
  // Bun does not count what was written.
  const mayBeMidLine = process.stdout.bytesWritten > 0 || process.versions['bun'] !== undefined;
  const startOfLine = mayBeMidLine ? '\n' : '';
  process.stdout.write(`${startOfLine}TAKO:READY:${port}\n`);
}

/** SIGTERM: status `draining`, requests in flight finish, `drain()` is awaited, exit 0 (spec 60). */
export function stopOnSigterm(context: InstanceContext, server: Drainable, hooks: Hooks): void {
  if (!context.isManaged) return;
  process.on('SIGTERM', () => {
    if (context.phase === 'draining')
      endProcess(EXIT_IMPATIENT, 'a second SIGTERM', 'ended without waiting for requests in flight');
    context.moveTo('draining');
    void stop(server, hooks);
  });
}

async function stop(server: Drainable, hooks: Hooks): Promise<void> {
  try {
    await server.drain();
    await hooks.drain?.();
  } catch (error) {
    endProcess(1, 'the graceful stop failed', error);
  }
  endProcess(0);
}

/** Reports on stderr where something went wrong, and exits: whatever else the app has open must not keep it. */
export function endProcess(code: number, what?: string, reason?: unknown): never {
  if (what !== undefined) process.stderr.write(`tako: ${what}: ${describeReason(reason)}\n`);
  // The SDK ends the process by contract: an open database pool of the app would otherwise hold it (spec 60, SIGTERM).
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(code);
}

export function describeReason(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  return reason instanceof Error ? inspect(reason) : String(reason);
}
