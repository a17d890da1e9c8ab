// The program of its own that a framework's build made: found, completed with what the framework leaves to whoever
// deploys, ready to be packed. Works in the build workspace only.
import { cp, stat } from 'node:fs/promises';
import path from 'node:path';
import { TakoError, type StandaloneOutput } from '@tako/config';
import type { KeptModules } from './artifact-entries.ts';

export interface StandaloneProgram {
  /** The entry, relative to the app's folder. */
  readonly main: string;
  readonly modules: KeptModules;
}

export interface ProgramPlace {
  readonly workspace: string;
  /** Relative to the workspace. */
  readonly appDir: string;
  /** True: with the packages that the build traced. False: with those that the server installs for its platform. */
  readonly isSelfContained: boolean;
}

/** Errors: MAIN_NOT_FOUND when the build did not make it. */
export async function completeStandalone(
  output: StandaloneOutput,
  place: ProgramPlace,
): Promise<StandaloneProgram> {
  const app = path.join(place.workspace, place.appDir);
  // In a workspace the folder mirrors the tree from its root, so the entry lies below the app's own path.
  const bases = place.appDir === '.' ? ['.'] : ['.', place.appDir];
  for (const base of bases) {
    const main = path.posix.join(output.folder, base, output.main);
    if (!(await isFile(path.join(app, main)))) continue;
    for (const [from, to] of output.copies) {
      await copyFolder(path.join(app, from), path.join(app, output.folder, base, to));
    }
    return { main, modules: keptModules(output, place, base) };
  }
  throw new TakoError(
    'MAIN_NOT_FOUND',
    `the build made no "${path.posix.join(output.folder, output.main)}", which the preset starts`,
    { hint: output.hint ?? 'Correct `preset` in tako.toml, or name what is to run: main = "path/to/file"' },
  );
}

function keptModules(output: StandaloneOutput, place: ProgramPlace, base: string): KeptModules {
  const { appDir, isSelfContained } = place;
  const folder = path.posix.join(appDir, output.folder);
  if (isSelfContained) return { below: [folder], links: [] };
  // The folder mirrors the tree that it was traced in, from the app or from the root of the workspace.
  const mirrors =
    base === '.'
      ? ([[folder, appDir]] as const)
      : ([
          [folder, '.'],
          [path.posix.join(folder, base), appDir],
        ] as const);
  const linkTo = (at: string, installed: string): KeptModules['links'][number] => ({
    name: path.posix.join(at, 'node_modules'),
    target: path.posix.join(path.posix.relative(at, installed) || '.', 'node_modules'),
  });
  return {
    below: output.links.map((links) => path.posix.join(folder, base, links)),
    links: output.links.length === 0 ? [] : mirrors.map(([at, installed]) => linkTo(at, installed)),
  };
}

async function copyFolder(from: string, to: string): Promise<void> {
  const found = await stat(from).catch(() => null);
  if (found?.isDirectory()) await cp(from, to, { recursive: true, verbatimSymlinks: true });
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null))?.isFile() ?? false;
}
