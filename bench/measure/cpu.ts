// CPU time and memory of processes from /proc: robust against whatever else the machine does.
import { readFile } from 'node:fs/promises';

const ticksPerSecond = 100;
const utimeField = 11;
const stimeField = 12;

/** Microseconds of CPU, user and system, that these processes have used. */
export async function cpuMicroseconds(pids: readonly number[]): Promise<number> {
  const ticks = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[utimeField] ?? 0) + Number(fields[stimeField] ?? 0);
    }),
  );
  return (ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond) * 1_000_000;
}

/** Bytes, shared pages counted by their share (PSS), so that a master and its worker are not counted twice. */
export async function memoryBytes(pids: readonly number[]): Promise<number> {
  const kilobytes = await Promise.all(
    pids.map(async (pid) => {
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    }),
  );
  return kilobytes.reduce((sum, each) => sum + each, 0) * 1024;
}
