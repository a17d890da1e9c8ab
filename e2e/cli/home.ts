// A TAKO_HOME of one test.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export interface Home extends AsyncDisposable {
  readonly dir: string;
}

export async function makeHome(): Promise<Home> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-home-'));
  return { dir, [Symbol.asyncDispose]: () => fs.rm(dir, { recursive: true, force: true }) };
}
