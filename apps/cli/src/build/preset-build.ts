// A preset's own build command, for a project whose package.json has no `build` script (spec 10). Pure but for reading
// package.json.
import { findPreset } from '@tako/config';
import { readPackageJson } from './package-manager.ts';

/** null: nothing of its own; the package manager's `build` script, where there is one, runs. */
export async function presetBuild(directory: string, preset: string | null): Promise<string | null> {
  const known = findPreset(preset);
  if (known === null || known.build === null) return null;
  const packageJson = await readPackageJson(directory);
  return typeof packageJson?.scripts?.['build'] === 'string' ? null : known.build;
}
