// Builds of tako-server as they lie on a host: packed by scripts/pack-server.mjs, in a folder with the link `current`. The
// second version and the broken ones are the first with a few files changed, so that a test packs once.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const packer = path.resolve(import.meta.dirname, '../../scripts/pack-server.mjs');
const PACK_TIMEOUT_MS = 120_000;

export interface BuildArchive {
  readonly file: string;
  readonly sha256: string;
  readonly version: string;
}

/** What is changed in a copy of the build, by path within it. */
export type BuildChange = Readonly<Record<string, (text: string) => string>>;

export interface ServerBuilds extends AsyncDisposable {
  /** `server/` of a host. */
  readonly directory: string;
  /** Through the link, as the unit starts it. */
  readonly program: string;
  /** An archive of another version, not unpacked yet. */
  archive(version: string, change?: BuildChange): Promise<BuildArchive>;
  /** Names in the folder, sorted. */
  names(): Promise<string[]>;
  current(): Promise<string>;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const versionChange = (version: string): BuildChange => ({
  BUILD: (text) => text.replace(/^version=.*$/m, `version=${version}`),
  'node_modules/@tako/server/package.json': (text) => JSON.stringify({ ...JSON.parse(text), version }),
});

async function change(tree: string, changes: BuildChange): Promise<void> {
  for (const [name, edit] of Object.entries(changes)) {
    const file = path.join(tree, name);
    const edited = edit(await fs.readFile(file, 'utf8'));
    // A new file: the tree shares its files with the one that it was copied from.
    await fs.rm(file);
    await fs.writeFile(file, edited);
  }
}

/** `version` is unpacked and current. */
export async function makeServerBuilds(version: string): Promise<ServerBuilds> {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-builds-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => fs.rm(root, { recursive: true, force: true }));
  await fs.chmod(root, 0o755);
  const directory = path.join(root, 'server');
  const first = path.join(directory, version);
  await fs.mkdir(first, { recursive: true });
  const packed = path.join(root, 'packed.tar');
  const pack = [packer, '--out', packed, '--version', version];
  await run(process.execPath, pack, { timeout: PACK_TIMEOUT_MS });
  await run('tar', ['-xf', packed, '-C', first]);
  await fs.rm(packed);
  // Two thirds of a build are its Node: once is enough for all of them.
  await fs.rename(path.join(first, 'bin/node'), path.join(root, 'node'));
  await fs.symlink(path.join(root, 'node'), path.join(first, 'bin/node'));
  const pristine = path.join(root, 'pristine');
  await run('cp', ['-al', first, pristine]);
  await fs.symlink(version, path.join(directory, 'current'));
  const resources = undo.move();
  let made = 0;
  return {
    directory,
    program: path.join(directory, 'current/bin/tako-server'),
    archive: async (other, changes = {}) => {
      const tree = path.join(root, `tree-${(made += 1)}`);
      await run('cp', ['-al', pristine, tree]);
      await change(tree, versionChange(other));
      await change(tree, changes);
      const file = `${tree}.tar`;
      await run('tar', ['-cf', file, '-C', tree, '.']);
      await fs.rm(tree, { recursive: true });
      return { file, sha256: await sha256Of(file), version: other };
    },
    names: async () => (await fs.readdir(directory)).sort(),
    current: () => fs.readlink(path.join(directory, 'current')),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
