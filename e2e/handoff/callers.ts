// Clients of the management socket that call in a loop: over one kept client, and over a new connection each time.
import { isTakoError } from '@tako/config';
import { connect } from '@tako/protocol/client';

export interface Callers extends AsyncDisposable {
  /** Ends them; how many calls were answered, by how many daemons, and how others ended. */
  stop(): Promise<{
    readonly answered: number;
    readonly daemons: number;
    readonly errors: Readonly<Record<string, number>>;
  }>;
}

/** Resolves when the first of each has been answered. */
export async function startCallers(socketPath: string): Promise<Callers> {
  const ended = new AbortController();
  const pids = new Set<number>();
  const errors: Record<string, number> = {};
  let answered = 0;
  const loop = async (call: () => Promise<number>): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        pids.add(await call());
        answered += 1;
      } catch (error) {
        const name = isTakoError(error) ? `${error.code}: ${error.message}` : String(error);
        errors[name] = (errors[name] ?? 0) + 1;
      }
      // A turn of the event loop, so that the others of this process have theirs.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const kept = await connect({ socketPath, caller: 'kept' });
  const overKept = async (): Promise<number> => (await kept.api.server_info.query(undefined)).pid;
  const anew = async (): Promise<number> => {
    await using client = await connect({ socketPath, caller: 'anew' });
    return (await client.api.status.query({})).server.pid;
  };
  pids.add(await overKept());
  const loops = [loop(overKept), loop(anew), loop(anew)];
  const stop = async () => {
    ended.abort();
    await Promise.all(loops);
    kept.close();
    return { answered, daemons: pids.size, errors };
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
