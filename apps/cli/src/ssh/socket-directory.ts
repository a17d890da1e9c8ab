// A private directory for the sockets of one connection, with paths short enough for sun_path (unix(7)), gone with its
// scope. Knows nothing of ssh.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { limits } from '../limits.ts';

export interface SocketDirectory extends AsyncDisposable {
  readonly directory: string;
  readonly managementSocket: string;
  readonly controlSocket: string;
  /** For exits that cannot wait: a second Ctrl-C. */
  removeNow(): void;
}

/** `bases`: the first that gives short enough paths is used. mkdtemp(3) makes it 0700. */
export async function openSocketDirectory(bases: readonly string[]): Promise<SocketDirectory> {
  const base = bases.find(
    (candidate) => Buffer.byteLength(path.join(candidate, 'tako-XXXXXX', 'm')) <= limits.socketPathBytesMax,
  );
  if (base === undefined) {
    throw new TakoError(
      'SSH_FORWARD_FAILED',
      `no temporary directory has a path short enough for a socket: ${bases.join(', ')}`,
      {
        hint: 'Set TMPDIR to a short path such as /tmp.',
      },
    );
  }
  const directory = await mkdtemp(path.join(base, 'tako-'));
  return {
    directory,
    managementSocket: path.join(directory, 'm'),
    controlSocket: path.join(directory, 'c'),
    removeNow: () => rmSync(directory, { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
