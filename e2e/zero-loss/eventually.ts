// Waits for a fact that has no event of its own on our side of the wire, with a deadline.
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/** Resolves with the first answer that is not null. Rejects at the deadline, saying what was waited for. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  look: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}
