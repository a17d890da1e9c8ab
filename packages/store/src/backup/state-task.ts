// Runs one slow statement in its thread, with a deadline. Knows nothing of backups.
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { TakoError } from '@tako/config';
import { messageOf } from '../database/state-error.ts';
import { STATE_TASK_TIMEOUT_MS } from '../limits.ts';
import type { StateTask, StateTaskResult } from './state-worker.ts';

function resultOf(worker: Worker, signal: AbortSignal): Promise<StateTaskResult> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    worker.once('message', (result: StateTaskResult) => resolve(result));
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`its thread ended without an answer (${code})`)));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Rejects with STATE_UNAVAILABLE when the deadline passes, with the signal's reason when aborted. */
export async function runStateTask(task: StateTask, signal?: AbortSignal): Promise<StateTaskResult> {
  // Sources run as .ts, the build as .js: the thread's file has the extension of this one.
  const script = new URL(`./state-worker${path.extname(import.meta.filename)}`, import.meta.url);
  const deadline = AbortSignal.timeout(STATE_TASK_TIMEOUT_MS);
  const worker = new Worker(script, { workerData: task });
  try {
    return await resultOf(worker, signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw new TakoError(
      'STATE_UNAVAILABLE',
      `The state in ${task.file} could not be examined: ${messageOf(error)}.`,
      {
        hint: 'Look at the disk (`df`, `dmesg`); the state itself was not changed.',
        details: { file: task.file, task: task.kind },
        cause: error,
      },
    );
  } finally {
    await worker.terminate();
  }
}
