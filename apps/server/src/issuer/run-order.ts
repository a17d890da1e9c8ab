// Runs one order in its thread, with a deadline; presents its challenges meanwhile and takes them away afterwards,
// however it ends.
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorMessage } from '../files/durable-file.ts';
import { issuerLimits } from './limits.ts';
import type {
  ChallengeToPresent,
  FromThread,
  OrderResult,
  OrderTask,
  RefusedName,
  ToThread,
} from './order-thread.types.ts';

export interface OrderHooks {
  /** Resolves when all of them may be looked at; to the names for which that could not be done. */
  readonly present: (
    challenges: readonly ChallengeToPresent[],
    signal: AbortSignal,
  ) => Promise<RefusedName[]>;
  /** Also of those that were presented in part only. Never rejects. */
  readonly withdraw: (challenges: readonly ChallengeToPresent[]) => Promise<void>;
  readonly onAccount: (url: string) => Promise<void>;
  /** Before anything is asked of it: what a crash must find. */
  readonly onOrder: (url: string) => Promise<void>;
}

function stopped(message: string): OrderResult {
  const none = { problem: null, status: null, networkCode: null, retryAfterMs: null, subproblems: [] };
  return { kind: 'failed', failure: { ...none, phase: 'order', message } };
}

function startThread(task: OrderTask): Worker {
  // Sources run as .ts, the build as .js: the thread's file has the extension of this one.
  const script = new URL(`./order-thread${path.extname(import.meta.filename)}`, import.meta.url);
  return new Worker(script, { workerData: task, name: 'order' });
}

/** Never rejects: what goes wrong is in the result. */
export async function runOrder(
  task: OrderTask,
  hooks: OrderHooks,
  signal: AbortSignal,
): Promise<OrderResult> {
  if (signal.aborted) return stopped('the server is stopping');
  const ended = Promise.withResolvers<OrderResult>();
  const own = new AbortController();
  const end = (result: OrderResult): void => {
    own.abort();
    ended.resolve(result);
  };
  const abort = (): void => end(stopped('the server is stopping'));
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(
    () => end(stopped(`not done within ${issuerLimits.orderTimeoutMs / 60_000} minutes`)),
    issuerLimits.orderTimeoutMs,
  );
  const presented: ChallengeToPresent[] = [];
  const worker = startThread(task);
  const answer = async (challenges: readonly ChallengeToPresent[]): Promise<void> => {
    presented.push(...challenges);
    const failures = await hooks.present(challenges, own.signal);
    if (own.signal.aborted) return;
    const message: ToThread = { type: 'presented', failures };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(message);
  };
  // In order: an order's URL is stored before its challenges are shown.
  let line = Promise.resolve();
  worker.on('message', (message: FromThread) => {
    line = line
      .then(() => {
        switch (message.type) {
          case 'account':
            return hooks.onAccount(message.url);
          case 'order':
            return hooks.onOrder(message.url);
          case 'present':
            return answer(message.challenges);
          case 'ended':
            return end(message.result);
        }
      })
      .catch((error: unknown) => end(stopped(errorMessage(error))));
  });
  worker.once('error', (error) => end(stopped(`the order's thread failed: ${errorMessage(error)}`)));
  worker.once('exit', (code) => {
    line = line.then(() => end(stopped(`the order's thread ended early (${code})`)));
  });
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await worker.terminate();
    await hooks.withdraw(presented);
  }
}
