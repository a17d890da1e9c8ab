// Whether a process still runs, for tests. A zombie that nobody reaped yet does not.
import { readFile } from 'node:fs/promises';

export async function isRunning(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}
