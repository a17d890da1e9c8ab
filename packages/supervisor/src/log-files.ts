// The files of one app's log: names, opening, rotation by rename. Knows nothing of entries.
// The directory may belong to the app's user: nothing in it is followed or waited for.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { limits } from './limits.ts';

/** `current.log`, then `current.log.1`, the newest of the rotated ones, and so on. */
function logFilePath(dir: string, index: number): string {
  return path.join(dir, index === 0 ? 'current.log' : `current.log.${index}`);
}

/** A planted link would make root write elsewhere (O_NOFOLLOW), a planted FIFO would hang (O_NONBLOCK, fifo(7)). */
const cautious = constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function openRegular(file: string, flags: number): Promise<FileHandle> {
  const handle = await open(file, flags | cautious, 0o640);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error(`${file} is not a regular file`);
}

export interface OpenLogFile {
  readonly handle: FileHandle;
  readonly bytes: number;
}

/** For appending. A line torn by a crash gets its end first, so that the next one stands alone. */
export async function openCurrentLog(dir: string): Promise<OpenLogFile> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const handle = await openRegular(
    logFilePath(dir, 0),
    constants.O_RDWR | constants.O_APPEND | constants.O_CREAT,
  );
  try {
    const { size } = await handle.stat();
    if (size === 0) return { handle, bytes: 0 };
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === 0x0a) return { handle, bytes: size };
    await handle.write('\n');
    return { handle, bytes: size + 1 };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** current.log becomes .1, .1 becomes .2 and so on; the oldest is replaced. Readers keep what they have open. */
export async function rotateLogs(dir: string): Promise<void> {
  for (let index = limits.logFilesMax - 2; index >= 0; index -= 1) {
    await rename(logFilePath(dir, index), logFilePath(dir, index + 1)).catch((error: unknown) => {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!missing) throw error;
    });
  }
}

export class LogSnapshot implements AsyncDisposable {
  /** Oldest first; what was written later is not part of it. */
  readonly files: readonly OpenLogFile[];

  constructor(files: readonly OpenLogFile[]) {
    this.files = files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { handle } of this.files) await handle.close();
  }
}

/** Opens newest first: a rotation meanwhile moves files towards those still to be opened, so none is missed. */
export async function openLogSnapshot(dir: string): Promise<LogSnapshot> {
  const files: OpenLogFile[] = [];
  const inodes = new Set<number>();
  for (let index = 0; index < limits.logFilesMax; index += 1) {
    const handle = await openRegular(logFilePath(dir, index), constants.O_RDONLY).catch(() => {
      // Not there (or not a log): nothing to read.
      return null;
    });
    if (handle === null) continue;
    const { ino, size } = await handle.stat();
    if (inodes.has(ino)) {
      await handle.close();
      continue;
    }
    inodes.add(ino);
    files.unshift({ handle, bytes: size });
  }
  return new LogSnapshot(files);
}
