// The inside of `runtimes/{tool}/{version}`: the package as it came, and `bin/{tool}` for PATH.
import { chmod, mkdir, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ToolPackage } from './tool-package.ts';

/** npm's tarballs have one directory at the top, by custom called `package`. Makes `bin/{tool}` beside it. */
export async function arrangeTool(directory: string, tool: string, source: ToolPackage): Promise<void> {
  const [top, ...others] = await readdir(directory);
  if (top === undefined || others.length > 0)
    throw new Error(`${source.name} has ${others.length + 1} directories at its top`);
  if (top !== 'package') await rename(path.join(directory, top), path.join(directory, 'package'));
  const program = path.join(directory, 'package', source.program);
  if (!(await stat(program)).isFile()) throw new Error(`${source.name} has no ${source.program}`);
  await chmod(program, 0o755);
  await mkdir(path.join(directory, 'bin'), { mode: 0o755 });
  const entry = path.join(directory, 'bin', tool);
  if (source.kind === 'binary') {
    await symlink(path.join('..', 'package', source.program), entry);
    return;
  }
  await writeFile(entry, `#!/bin/sh\nexec node "$(dirname -- "$0")/../package/${source.program}" "$@"\n`);
  await chmod(entry, 0o755);
}
