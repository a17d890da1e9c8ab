// The entry file of an app: from tako.toml, package.json, or the usual names (spec 10), checked after the build.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { readPackageJson } from './package-manager.ts';

const extensions = ['ts', 'tsx', 'js', 'jsx', 'mjs'];
const usualNames = ['index', 'src/index', 'server/index'].flatMap((stem) =>
  extensions.map((extension) => `${stem}.${extension}`),
);

export interface MainChoice {
  /** From tako.toml or its preset. */
  readonly main: string | null;
  /** False: none being there is no error. */
  readonly needed: boolean;
}

/** Relative to the app's directory; null for apps that need none. Errors: MAIN_NOT_FOUND. */
export async function resolveMain(appDirectory: string, choice: MainChoice): Promise<string | null> {
  if (choice.main !== null) {
    if (await isFile(path.join(appDirectory, choice.main))) return choice.main;
    throw new TakoError('MAIN_NOT_FOUND', `the file "${choice.main}" does not exist after the build`, {
      hint: 'Correct `main` in tako.toml, or check what the build writes and that .gitignore does not name a source.',
    });
  }
  const candidates = [...(await declaredMain(appDirectory)), ...usualNames];
  for (const candidate of candidates) {
    if (await isFile(path.join(appDirectory, candidate))) return candidate;
  }
  if (!choice.needed) return null;
  throw new TakoError('MAIN_NOT_FOUND', 'no entry file was found after the build', {
    hint: 'Name it in tako.toml: main = "path/to/file"',
    details: { tried: candidates },
  });
}

async function declaredMain(appDirectory: string): Promise<string[]> {
  const packageJson = await readPackageJson(appDirectory);
  if (typeof packageJson?.main !== 'string') return [];
  const main = path.posix.normalize(packageJson.main.replace(/^\.\//, ''));
  return main === '.' || main.startsWith('../') || path.isAbsolute(main) ? [] : [main];
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.isFile() ?? false;
}
