// Looks a program up as a shell would, but only where the caller says. Reads directories, starts nothing.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // Not there, not executable, or behind a directory that may not be entered: no program for us.
    return false;
  }
}

/** The first of these directories that has it; absolute directories only. */
export async function findProgram(name: string, directories: readonly string[]): Promise<string | null> {
  for (const directory of directories) {
    if (!path.isAbsolute(directory)) continue;
    const file = path.join(directory, name);
    if (await isProgram(file)) return file;
  }
  return null;
}

/** `from` and the directories above it up to and including `top`, nearest first. */
export function directoriesUpTo(from: string, top: string): string[] {
  const found = [from];
  for (let at = from; at !== top && at.startsWith(`${top}/`);) {
    at = path.dirname(at);
    found.push(at);
  }
  return found;
}
