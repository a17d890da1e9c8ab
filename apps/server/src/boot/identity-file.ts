// A small file that names a process of ours by its identity: a worker's, the daemon's.

import type { ProcessIdentity } from '@tako/supervisor';
import { z } from 'zod';
import { readTextIfThere } from '../files/durable-file.ts';

export const identitySchema = z.object({
  pid: z.number().int().min(2),
  startTimeTicks: z.number().int().nonnegative(),
  bootId: z.string(),
});

/** null for what a power loss cut short, or what is not ours: whoever wrote it cannot be recognised. */
export function parseIdentity(text: string): ProcessIdentity | null {
  try {
    return identitySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** null for a file that is not there or not readable as one: then no process can be proven to be ours. */
export async function readIdentityFile(file: string): Promise<ProcessIdentity | null> {
  const text = await readTextIfThere(file);
  return text === null ? null : parseIdentity(text);
}
