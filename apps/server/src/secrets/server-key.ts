// `server.key`: 32 random bytes, private from the first one, made once and never replaced.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { createWholeFile, errorCode } from '../files/durable-file.ts';

export const serverKeyBytes = 32;

async function readKey(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Reads the key, making it when there is none. Throws SECRETS_UNREADABLE for a file that is no key. */
export async function openServerKey(dataDir: string): Promise<Buffer> {
  const file = path.join(dataDir, 'server.key');
  await mkdir(dataDir, { recursive: true });
  let key = await readKey(file);
  if (key === null) {
    await createWholeFile(file, randomBytes(serverKeyBytes), 0o600);
    // Of two daemons that start at once one made it; both read that one.
    key = await readKey(file);
  }
  if (key?.length === serverKeyBytes) return key;
  throw new TakoError('SECRETS_UNREADABLE', `${file} is not a key of ${serverKeyBytes} bytes.`, {
    hint: 'Restore it from a backup. Without it the secrets of every app must be sent again: remove it, then `tako secrets sync`.',
    details: { file },
  });
}
