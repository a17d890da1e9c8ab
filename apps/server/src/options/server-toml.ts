// `<data-dir>/server.toml`, read anew at each start and reload. None is as good as an empty one.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../files/durable-file.ts';
import { parseServerToml } from './options.ts';

/** Throws OPTION_INVALID. */
export async function readServerToml(dataDir: string): Promise<Readonly<Record<string, unknown>>> {
  const file = path.join(dataDir, 'server.toml');
  try {
    return parseServerToml(await readFile(file, 'utf8'), file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return {};
    throw error;
  }
}
