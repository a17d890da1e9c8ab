// Installs and release commands that an earlier daemon began and did not live to end. No state names them: they are
// found by the mark in their environment, which their children inherit.
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { identifyProcess, killProcess } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { leftoverKillPauseMs, leftoverKillsMax } from '../limits.ts';
import type { Log } from '../log.ts';
import { programMark } from '../programs/run-program.ts';
import { pause } from '../timing.ts';

/** Before the half-made releases go in which they work: nobody waits for what they do. */
export async function stopPrograms(dataDir: string, log: Log): Promise<void> {
  const mark = `${programMark}=${path.join(dataDir, 'apps')}${path.sep}`;
  // Again and again: one may have forked between the look and the signal.
  for (let tries = 0; tries < leftoverKillsMax; tries += 1) {
    const found = await findMarked(mark);
    if (found.length === 0) return;
    for (const identity of found) {
      if (killProcess(identity, 'SIGKILL'))
        log.warn({ programPid: identity.pid }, 'left-over program of a release killed');
    }
    await pause(leftoverKillPauseMs, new AbortController().signal);
  }
}

async function findMarked(mark: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await isMarked(pid, mark)) ? [pid] : [])));
  return found.flat().flatMap((pid) => identifyProcess(pid) ?? []);
}

async function isMarked(pid: number, mark: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    return environment.split('\0').some((entry) => entry.startsWith(mark));
  } catch {
    // Gone between the listing and here, or another user's that we may not look into.
    return false;
  }
}
