// A directory of one test, gone with its scope.
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile, chmod } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export interface TempDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes files by relative path; `-> target` makes a symlink, a name that ends in `*` an executable. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
}

export async function openTempDirectory(prefix = 'tako-cli-'): Promise<TempDirectory> {
  const directory = await realpath(await mkdtemp(path.join(os.tmpdir(), prefix)));
  return {
    path: directory,
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) {
        const executable = name.endsWith('*');
        const file = path.join(directory, executable ? name.slice(0, -1) : name);
        await mkdir(path.dirname(file), { recursive: true });
        if (text.startsWith('-> ')) await symlink(text.slice(3), file);
        else await writeFile(file, text);
        if (executable) await chmod(file, 0o755);
      }
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}
