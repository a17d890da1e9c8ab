// What the Node processes of a server hold in their heaps after a full garbage collection, asked through their
// inspectors. It does not waver as resident memory does, which follows V8's growth and rarely shrinks.
import { once } from 'node:events';
import path from 'node:path';
import { WebSocket } from 'ws';
import { eventually } from './eventually.ts';

/** `program` of the server: its processes can be inspected. */
export const inspectableServer = path.join(import.meta.dirname, 'inspectable-server');

const ANSWER_TIMEOUT_MS = 10_000;

export class LiveHeaps {
  /** Inspectors stay open after the first time. */
  readonly #urls = new Map<number, string>();
  readonly #log: () => string;

  /** `log`: all that the server and its workers have written to stderr so far. */
  constructor(log: () => string) {
    this.#log = log;
  }

  /** Collects the garbage of the process; resolves to the bytes of what is alive. */
  async bytesOf(pid: number): Promise<number> {
    const socket = new WebSocket(this.#urls.get(pid) ?? (await this.#open(pid)));
    await once(socket, 'open', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    try {
      // The second one takes what the first one's finalizers let go.
      await call(socket, 1, 'HeapProfiler.collectGarbage');
      await call(socket, 2, 'HeapProfiler.collectGarbage');
      const { usedSize } = (await call(socket, 3, 'Runtime.getHeapUsage')) as { usedSize: number };
      return usedSize;
    } finally {
      socket.terminate();
    }
  }

  /** SIGUSR1 is Node's own: it opens the inspector on loopback and says where. */
  async #open(pid: number): Promise<string> {
    const said = (): string[] =>
      [...this.#log().matchAll(/Debugger listening on (ws:\S+)/g)].map((match) => match[1] ?? '');
    const before = said().length;
    process.kill(pid, 'SIGUSR1');
    const url = await eventually(`the inspector of ${pid}`, ANSWER_TIMEOUT_MS, () => said()[before] ?? null);
    this.#urls.set(pid, url);
    return url;
  }
}

async function call(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }));
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  for (;;) {
    const [data] = (await once(socket, 'message', { signal })) as [Buffer];
    const message = JSON.parse(data.toString()) as { id?: number; result?: unknown; error?: unknown };
    if (message.id !== id) continue;
    if (message.error !== undefined) throw new Error(`${method}: ${JSON.stringify(message.error)}`);
    return message.result;
  }
}
