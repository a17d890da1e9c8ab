// Workers that outlived their daemon: found by their files in the run directory, proven by identity. Whoever takes
// over their listening sockets or stops them is decided elsewhere.
import { readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from '@tako/supervisor';
import { z } from 'zod';
import type { ListenerKind } from '../listeners/listening-sockets.ts';
import type { ServerOptions } from '../options/option-table.ts';

const fileSchema = z.object({
  pid: z.number().int().min(2),
  startTimeTicks: z.number().int().nonnegative(),
  bootId: z.string(),
  generation: z.number().int().min(1),
  listeners: z.array(
    z.object({ kind: z.enum(['http', 'https']), address: z.string(), port: z.number().int() }),
  ),
});

export type OrphanWorker = z.infer<typeof fileSchema>;

async function readOrphan(file: string): Promise<OrphanWorker | null> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Torn by a power loss, or gone: no process can be proven to be ours by it.
    return null;
  }
}

/** Those that live, oldest generation first; the files of dead ones are removed. */
export async function findOrphanWorkers(runDir: string): Promise<OrphanWorker[]> {
  const orphans: OrphanWorker[] = [];
  for (const name of await readdir(runDir)) {
    if (!/^worker-\d+\.json$/.test(name)) continue;
    const file = path.join(runDir, name);
    const orphan = await readOrphan(file);
    if (orphan !== null && isAlive(orphan)) orphans.push(orphan);
    else await rm(file, { force: true });
  }
  return orphans.toSorted((a, b) => a.generation - b.generation);
}

type Listener = OrphanWorker['listeners'][number];

function wantedListeners(options: ServerOptions): Listener[] {
  const of = (kind: ListenerKind, port: number): Listener[] =>
    options.bind.map((address) => ({ kind, address, port }));
  const unix = options.listenUnix.map((address): Listener => ({ kind: 'http', address, port: 0 }));
  return [...of('http', options.httpPort), ...of('https', options.httpsPort), ...unix];
}

/** The listeners of the youngest orphan when they are what the options ask for (port 0 asks for any), else null. */
export function reusableListeners(
  orphans: readonly OrphanWorker[],
  options: ServerOptions,
): readonly Listener[] | null {
  const held = orphans.at(-1)?.listeners;
  if (held === undefined) return null;
  const wanted = wantedListeners(options);
  const fits = (want: Listener): boolean =>
    held.some(
      (have) =>
        have.kind === want.kind &&
        have.address === want.address &&
        (want.port === 0 || have.port === want.port),
    );
  // `::` may have been left out on a machine without IPv6.
  const needed = wanted.filter((want) => want.address !== '::' || held.some((have) => have.address === '::'));
  return needed.every(fits) && held.length <= wanted.length ? held : null;
}
