// The lock of a project on this machine: one deploy at a time (spec 30, step 2). A file that names its holder; that of a
// dead process is taken over. Knows no server.
import { mkdir, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TakoError } from '@tako/config';
import { z } from 'zod';
import { limits } from '../limits.ts';

const holderSchema = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  user: z.string(),
  command: z.string(),
  at: z.string(),
  /** Start time of the process in clock ticks (proc(5), field 22): a pid alone may be another process by now. */
  startTicks: z.string().nullable(),
});
export type ProjectLockHolder = z.infer<typeof holderSchema>;

export interface ProjectLockOptions {
  readonly file: string;
  readonly holder: Omit<ProjectLockHolder, 'at' | 'startTicks'>;
  readonly waitMs: number;
  readonly onWaiting: (holder: ProjectLockHolder) => void;
  readonly signal: AbortSignal;
}

/** Errors: PROJECT_LOCKED, saying who holds it. */
export async function holdProjectLock(options: ProjectLockOptions): Promise<AsyncDisposable> {
  const { file, signal } = options;
  await mkdir(path.dirname(file), { recursive: true });
  const own: ProjectLockHolder = {
    ...options.holder,
    at: new Date().toISOString(),
    startTicks: await startTicksOf(options.holder.pid),
  };
  const giveUpAt = Date.now() + options.waitMs;
  let told = false;
  while (!(await tryTake(file, own))) {
    signal.throwIfAborted();
    const text = await readText(file);
    if (text === null) continue;
    const holder = parseHolder(text);
    if (holder === null || (await isDead(holder, own.host))) {
      await discard(file, text);
      continue;
    }
    if (Date.now() >= giveUpAt) throw locked(file, holder);
    if (!told) options.onWaiting(holder);
    told = true;
    await delay(limits.lockPollMs, undefined, { signal });
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // Only our own: somebody may have removed the file by hand and locked anew.
      if ((await readText(file)) === serialize(own)) await rm(file, { force: true });
    },
  };
}

const serialize = (holder: ProjectLockHolder): string => `${JSON.stringify(holder)}\n`;

/** link(2) is atomic and fails when the name is taken; the file has its whole content before it gets the name. */
async function tryTake(file: string, own: ProjectLockHolder): Promise<boolean> {
  const temporary = `${file}.${own.pid}.tmp`;
  await writeFile(temporary, serialize(own));
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Moves a dead holder's lock aside; if another process was quicker and it is a living one's, it is put back. */
async function discard(file: string, seen: string): Promise<void> {
  const aside = `${file}.stale-${process.pid}`;
  try {
    await rename(file, aside);
  } catch {
    // Gone already: somebody else took it over.
    return;
  }
  if ((await readText(aside)) !== seen) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isDead(holder: ProjectLockHolder, host: string): Promise<boolean> {
  if (holder.host !== host) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: alive, another user's. ESRCH: no such process.
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  const ticks = await startTicksOf(holder.pid);
  return holder.startTicks !== null && ticks !== null && ticks !== holder.startTicks;
}

/** null where there is no /proc. */
async function startTicksOf(pid: number): Promise<string | null> {
  const stat = await readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing: another start time than any makes it dead.
  if (afterName[0] === 'Z') return 'zombie';
  return afterName[19] ?? null;
}

function parseHolder(text: string): ProjectLockHolder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // Not ours, or cut by a crash of the machine: nobody can be holding it.
    return null;
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return null;
    throw error;
  }
}

function locked(file: string, holder: ProjectLockHolder): TakoError {
  return new TakoError(
    'PROJECT_LOCKED',
    `"${holder.command}" of ${holder.user}@${holder.host} (pid ${holder.pid}) is deploying this project since ${holder.at}`,
    {
      hint: `Wait for it with --wait-lock, or, when ${holder.host} is another machine and it is gone, remove ${file}`,
      details: { file, holder: { ...holder } },
    },
  );
}
