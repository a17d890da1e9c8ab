// Rotates the access log by rename, like the logs of apps (10 MiB, five files): the workers append to it and open it
// anew when they are told; what they still write meanwhile goes into the renamed file and is not lost.
import { rename, rm, stat } from 'node:fs/promises';
import { errorCode } from '../files/durable-file.ts';
import { accessLogBytesMax, accessLogCheckMs, accessLogFilesMax } from '../limits.ts';
import type { Log } from '../log.ts';

export interface AccessLogRotationSpec {
  /** `off`, `stdout` or a file's path. */
  readonly accessLog: string;
  /** Tells every worker to open the file anew. */
  readonly reopen: () => void;
  readonly log: Log;
  readonly bytesMax?: number;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** `file` → `file.1` → … → `file.4`; the oldest goes. True when it was rotated. */
export async function rotateAccessLog(file: string, bytesMax: number = accessLogBytesMax): Promise<boolean> {
  if ((await sizeOf(file)) < bytesMax) return false;
  const last = accessLogFilesMax - 1;
  await rm(`${file}.${last}`, { force: true });
  for (let index = last - 1; index >= 1; index -= 1)
    await renameIfThere(`${file}.${index}`, `${file}.${index + 1}`);
  await rename(file, `${file}.1`);
  return true;
}

/** Looks every few seconds; a failure is logged and tried again. */
export function startAccessLogRotation(spec: AccessLogRotationSpec): Disposable {
  const { accessLog, reopen, log, bytesMax } = spec;
  if (accessLog === 'off' || accessLog === 'stdout') return { [Symbol.dispose]: () => undefined };
  const look = async (): Promise<void> => {
    try {
      if (await rotateAccessLog(accessLog, bytesMax)) reopen();
    } catch (error) {
      log.warn({ err: error, file: accessLog }, 'access log could not be rotated');
    }
  };
  const timer = setInterval(() => void look(), accessLogCheckMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
