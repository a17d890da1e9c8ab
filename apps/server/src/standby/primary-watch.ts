// Looks whether the server that a standby stands by for still answers on the management socket.
import { connect } from '@tako/protocol/client';
import { standbyAnswerTimeoutMs, standbyMissesMax } from '../limits.ts';
import { pause } from '../timing.ts';

export interface PrimaryWatch {
  readonly socketPath: string;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

async function answers({ socketPath, signal }: PrimaryWatch): Promise<boolean> {
  try {
    await using _client = await connect({
      socketPath,
      caller: 'standby',
      connectTimeoutMs: standbyAnswerTimeoutMs,
      signal,
    });
    return true;
  } catch {
    // Whatever it is that keeps it from answering: that is what is looked for.
    return false;
  }
}

/** Resolves to true when it did not answer a few times in a row, to false when the signal aborted. */
export async function primaryIsGone(watch: PrimaryWatch): Promise<boolean> {
  let misses = 0;
  while (!watch.signal.aborted) {
    misses = (await answers(watch)) ? 0 : misses + 1;
    if (misses >= standbyMissesMax) return !watch.signal.aborted;
    await pause(watch.intervalMs, watch.signal);
  }
  return false;
}
