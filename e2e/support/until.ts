// Waiting for what tells no event: a process of somebody else's, a file, a state behind an API.
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * The first result of `look` that is neither null, undefined nor false. Rejects at the deadline, naming `what`. A look
 * over all of /proc is not cheap: give it a longer pause where other tests run at the same time.
 */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  timeoutMs = 20_000,
  pauseMs = POLL_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(pauseMs);
  }
}
