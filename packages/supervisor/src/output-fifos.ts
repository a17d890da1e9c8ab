// The two FIFOs of an instance: made, opened for the app (its own O_RDWR description, so that it never sees a broken
// pipe), read by the daemon, removed. Why FIFOs: docs/decisions/0004. Knows nothing of lines.
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, rm, rmdir, unlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { limits } from './limits.ts';

const execute = promisify(execFile);

const outputStreams = ['stdout', 'stderr'] as const;
export type OutputStream = (typeof outputStreams)[number];

export function fifoPath(runDir: string, stream: OutputStream): string {
  return path.join(runDir, stream);
}

/**
 * The directory is the daemon's alone: the app reaches its FIFOs by descriptor. Their mode is 0622, since
 * `> /dev/stderr` opens them again as the app's user (proc(5), `/proc/pid/fd`).
 */
export async function makeFifos(runDir: string, signal: AbortSignal): Promise<void> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const paths = outputStreams.map((stream) => fifoPath(runDir, stream));
  for (const fifo of paths) await rm(fifo, { force: true });
  // Node has no mkfifo(3).
  await execute('/usr/bin/mkfifo', ['-m', '0622', '--', ...paths], {
    signal,
    timeout: limits.makeFifosMs,
    env: {},
  });
}

export interface InstanceEnds {
  readonly stdout: number;
  readonly stderr: number;
  /** After the spawn: only the instance may hold them, or its end would never be seen. */
  close(): void;
}

/** Opening a FIFO O_RDWR or O_RDONLY|O_NONBLOCK never waits (fifo(7)), hence synchronously. */
export function openInstanceEnds(runDir: string): InstanceEnds {
  const stdout = openSync(fifoPath(runDir, 'stdout'), constants.O_RDWR);
  try {
    const stderr = openSync(fifoPath(runDir, 'stderr'), constants.O_RDWR);
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      closeSync(stdout);
      closeSync(stderr);
    };
    return { stdout, stderr, close };
  } catch (error) {
    closeSync(stdout);
    throw error;
  }
}

export interface FifoReader {
  /** Resolves when nobody holds the other side any more, or after `close`. */
  readonly whenEnded: Promise<void>;
  close(): void;
}

/**
 * Reads as fast as the app writes. A net.Socket, because fs streams on idle FIFOs starve the thread pool; its
 * `onread` buffer is reused, so `onChunk` must copy what it keeps.
 */
export function readFifo(file: string, onChunk: (chunk: Buffer) => void): FifoReader {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.allocUnsafeSlow(limits.outputReadBytes);
  const onread = {
    buffer,
    callback: (bytes: number): boolean => {
      onChunk(buffer.subarray(0, bytes));
      return true;
    },
  };
  const socket = new Socket({ fd, readable: true, writable: false, onread });
  const whenEnded = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.on('error', () => {
    // A read error ends the stream like its end does: 'close' follows.
  });
  socket.resume();
  return { whenEnded, close: () => socket.destroy() };
}

/** Removes the FIFOs, and the directory if nothing else is in it. Never rejects: what stays is swept at the next boot. */
export async function removeFifos(runDir: string): Promise<void> {
  const ignore = (): void => {
    // Gone already, never made, or not empty because of somebody else's file.
  };
  for (const stream of outputStreams) await unlink(fifoPath(runDir, stream)).catch(ignore);
  await rmdir(runDir).catch(ignore);
}
