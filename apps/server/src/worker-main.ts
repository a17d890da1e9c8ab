// A proxy worker's process: joins the data plane to the control process's line and the inherited listeners.
// It outlives a crashed control process on purpose and serves from its last snapshot.
import { closeSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import { createDataPlane } from '@tako/proxy';
import type { ControlMessage, WorkerMessage } from '@tako/proxy';
import { lastWordTimeoutMs, stopLameDuckMs } from './limits.ts';
import { createLog } from './log.ts';
import { createMessageLine } from './workers/message-line.ts';
import type { MessageLine } from './workers/message-line.ts';
import { startPipeFd, workerSocketPath } from './workers/worker-arguments.ts';
import type { SiblingReply, SiblingRequest, WorkerArguments } from './workers/worker-arguments.ts';
import { spawnWorker } from './workers/worker-process.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by worker-process.ts of the same build
const argument = JSON.parse(process.argv[2] ?? 'null') as WorkerArguments;
const log = createLog(argument.logLevel).child({ worker: process.pid });
const socketPath = workerSocketPath(argument.runDir, process.pid);

let line: MessageLine<WorkerMessage | SiblingReply> | null = null;
let listening = false;
let leaving = false;

const plane = createDataPlane({
  send: (message) => line?.send(message),
  options: { ...argument.plane },
  log,
});

/** Accepts only after the first snapshot: before it every request would be a 404. */
async function apply(message: ControlMessage): Promise<void> {
  plane.receive(message);
  if (message.type === 'lameDuck') return leave('lame duck');
  if (message.type !== 'snapshot') return undefined;
  if (!listening) {
    listening = true;
    for (const listener of argument.listeners) await plane.listen({ kind: listener.kind, fd: listener.fd });
  }
  line?.send({ type: 'ready', pid: process.pid, version: message.snapshot.version });
}

/** The sockets are ours to hand on only while we listen. */
async function startSibling(request: SiblingRequest): Promise<void> {
  try {
    const { pid } = await spawnWorker({ ...request, listeners: argument.listeners });
    line?.send({ type: 'siblingStarted', pid });
  } catch (error) {
    line?.send({ type: 'siblingFailed', reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Finishes what is in flight, then goes. The control process kills those that take longer than it waits. */
async function leave(reason: string): Promise<void> {
  if (leaving) return;
  leaving = true;
  const result = await plane.lameDuck({ lameDuckMs: stopLameDuckMs, drainMs: argument.drainMs });
  server.close();
  await plane.close();
  await line?.finish(lastWordTimeoutMs);
  log.info({ reason, ...result }, 'worker left');
  await rm(socketPath, { force: true });
  process.exit(0);
}

function failed(error: unknown): void {
  log.fatal({ err: error }, 'worker could not apply a message');
  process.exit(1);
}

/** The newest control process wins: a restarted one takes the line over from a dead one's. */
const server = net.createServer((socket) => {
  line?.close();
  const mine = createMessageLine<ControlMessage | SiblingRequest, WorkerMessage | SiblingReply>(socket, {
    onMessage: (message) => {
      const work = message.type === 'spawnSibling' ? startSibling(message) : apply(message);
      work.catch(failed);
    },
    onClose: () => {
      if (line === mine) line = null;
    },
  });
  line = mine;
});

await rm(socketPath, { force: true });
process.umask(0o177);
server.listen(socketPath, () => {
  writeSync(startPipeFd, 'listening\n');
  closeSync(startPipeFd);
});

process.on('SIGTERM', () => void leave('SIGTERM').catch(failed));
// A Ctrl-C at a terminal reaches the whole session; the control process decides.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
