// How a server gets its place back from the standby that acts for it: over a socket in the run directory, in the words of
// an ordinary handoff. There is such a socket only while a standby acts.
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { joinSuccession } from '../daemon/successor.ts';
import type { Succession } from '../daemon/successor.ts';

const socketOf = (runDir: string): string => path.join(runDir, 'standby.sock');

/** `onAsked` gets the connection of whoever wants to take over. Readable for the daemon's user alone. */
export async function openGiveBack(
  runDir: string,
  onAsked: (channel: net.Socket) => void,
): Promise<AsyncDisposable> {
  const file = socketOf(runDir);
  await rm(file, { force: true });
  const server = net.createServer(onAsked);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(file, resolve);
    });
  } finally {
    process.umask(umask);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      await rm(file, { force: true });
    },
  };
}

/** null: no standby acts here. */
export function askStandby(runDir: string): Promise<Succession | null> {
  const channel = net.connect(socketOf(runDir));
  return new Promise((resolve) => {
    // ENOENT, or ECONNREFUSED of one that was killed: its lock says that it is dead, and the boot goes on.
    channel.once('error', () => resolve(null));
    channel.once('connect', () => {
      channel.removeAllListeners('error');
      // Who is at the other end is not told: it is the one whose socket clients find until this process is ready.
      resolve(joinSuccession({ predecessor: 0, listeners: null }, channel));
    });
  });
}
