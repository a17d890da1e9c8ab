// Puts the program that serves a site's files into the build workspace. What it does is ../site/serve-site.ts.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { TakoError } from '@tako/config';

/** Beside `public/`, which it serves. */
export const siteProgramName = 'tako-site.mjs';

/** Returns its name. Errors: MAIN_NOT_FOUND when a file of the project has that name. */
export async function addSiteProgram(appDirectory: string): Promise<string> {
  const file = path.join(appDirectory, siteProgramName);
  if (await stat(file).catch(() => null)) {
    throw new TakoError(
      'MAIN_NOT_FOUND',
      `"${siteProgramName}" is the name of what Tako adds to serve the site`,
      {
        hint: `Give your own file another name, or name what is to run: main = "${siteProgramName}"`,
      },
    );
  }
  await writeFile(file, await readProgram());
  return siteProgramName;
}

/** The same place from dist/build and dist/bundle; as TypeScript where the sources run. */
async function readProgram(): Promise<string> {
  const directory = path.join(import.meta.dirname, '..', 'site');
  const built = await readFile(path.join(directory, 'serve-site.js'), 'utf8').catch(() => null);
  if (built !== null) return built.replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return stripTypeScriptTypes(await readFile(path.join(directory, 'serve-site.ts'), 'utf8'));
}
