// One order at one CA, from account to certificate, in a thread of its own: acme-client and what it loads take some
// 60 MB, which end with the thread, and its one global axios belongs to one CA only. Knows no files and no schedule.
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { placeOrder } from './place-order.ts';
import { createCaClient } from './ca-client.ts';
import { toFailure } from './order-problem.ts';
import type {
  ChallengeToPresent,
  FromThread,
  OrderPhase,
  OrderTask,
  RefusedName,
  ToThread,
} from './order-thread.types.ts';

function ownPort(): MessagePort {
  if (parentPort === null) throw new TypeError('assertion failed: an order runs in a thread');
  return parentPort;
}

const port = ownPort();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a MessagePort has no origin
const say = (message: FromThread): void => port.postMessage(message);

function present(challenges: readonly ChallengeToPresent[]): Promise<readonly RefusedName[]> {
  return new Promise((resolve) => {
    port.once('message', (answer: ToThread) => resolve(answer.failures));
    say({ type: 'present', challenges });
  });
}

const task: OrderTask = workerData;
const state: { phase: OrderPhase } = { phase: 'account' };
try {
  const client = createCaClient(task);
  const result = await placeOrder({
    task,
    client,
    state,
    present,
    onAccount: (url) => say({ type: 'account', url }),
    onOrder: (url) => say({ type: 'order', url }),
  });
  say({ type: 'ended', result });
} catch (error) {
  say({ type: 'ended', result: { kind: 'failed', failure: toFailure(error, state.phase) } });
}
