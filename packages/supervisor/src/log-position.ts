// Where a line stands in its log: a number that only grows, so that a reader can say after a broken connection what it
// has. Microseconds of the wall clock, or one more than the last when the clock has not moved on: positions of a daemon
// that crashed, of a log that was deleted or torn, are below those of the next one without a counter to be kept.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { limits } from './limits.ts';

const perMs = 1_000;

export function positionOfTime(at: number): number {
  return Math.max(0, Math.trunc(at)) * perMs;
}

export interface LogPositions {
  readonly last: number;
  next(): number;
}

/** `floor`: the last one that was given before. */
export function createLogPositions(floor: number): LogPositions {
  // A clock that was set back goes on counting from where it was.
  let last = Math.max(floor, positionOfTime(Date.now()));
  return {
    get last() {
      return last;
    },
    next: () => {
      last = Math.max(last + 1, positionOfTime(Date.now()));
      return last;
    },
  };
}

/** The position of the last line in a log's directory; 0 when there is none. Synchronous: once for each log of a daemon. */
export function readLastPosition(dir: string): number {
  let fd: number;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    fd = openSync(path.join(dir, 'current.log'), flags);
  } catch {
    // No log yet, or nothing that may be read as one: the clock alone decides.
    return 0;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return 0;
    const bytes = Math.min(stat.size, limits.logStoredLineBytesMax);
    const buffer = Buffer.allocUnsafe(bytes);
    const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, bytes, stat.size - bytes));
    // Written before the text of the app, whose quotes are escaped: the first match of a line is ours.
    const written = text.matchAll(/^\{"time":"[^"]*","position":(\d{1,16}),/gm);
    return Math.max(0, ...[...written].map((match) => Number(match[1])).filter(Number.isSafeInteger));
  } finally {
    closeSync(fd);
  }
}
