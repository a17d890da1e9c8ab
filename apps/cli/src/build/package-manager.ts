// Which package manager a project uses and how it installs exactly what the lockfile says (spec 10, 30). Reads
// package.json and looks for lockfiles; runs nothing.
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { TakoError, type PackageManager } from '@tako/config';

const lockfiles: readonly (readonly [file: string, manager: PackageManager])[] = [
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
];

export interface DetectedPackageManager {
  readonly manager: PackageManager;
  /** Relative to the source root, with `/`; where the lockfile is, so where installs run. */
  readonly installDir: string;
  /** null when there is nothing to install. */
  readonly install: string | null;
  readonly lockfile: string | null;
}

export interface PackageJson {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly scripts?: Readonly<Record<string, unknown>>;
  readonly packageManager?: unknown;
  readonly workspaces?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly devDependencies?: Readonly<Record<string, unknown>>;
  readonly optionalDependencies?: Readonly<Record<string, unknown>>;
}

/**
 * `ownInstall`: tako.toml says how to install (or not to), so a missing lockfile is the user's own affair.
 * Looks from the app's directory up to the root for the nearest lockfile; null for a project without package.json.
 * Errors: LOCKFILE_MISSING when there are dependencies and no lockfile, PACKAGE_JSON_INVALID.
 */
export async function detectPackageManager(
  root: string,
  appDir: string,
  choice: { configured: PackageManager | null; ownInstall: boolean },
): Promise<DetectedPackageManager | null> {
  const { configured } = choice;
  const packageJson = await readPackageJson(path.join(root, appDir));
  if (packageJson === null) return null;
  const found = await findLockfile(root, appDir, configured ?? declaredManager(packageJson));
  if (found !== null) {
    const text = await readFile(path.join(root, found.installDir, found.lockfile), 'utf8');
    const classic = found.manager === 'yarn' && text.includes('# yarn lockfile v1');
    return { ...found, install: classic ? classicYarnInstall : installCommands[found.manager] };
  }
  const manager = configured ?? declaredManager(packageJson) ?? 'npm';
  if (choice.ownInstall || !hasDependencies(packageJson))
    return { manager, installDir: appDir, install: null, lockfile: null };
  throw new TakoError(
    'LOCKFILE_MISSING',
    `${path.posix.join(appDir, 'package.json')} has dependencies, but no lockfile was found up to the source root`,
    {
      hint: `Run "${manager} install", commit the lockfile it writes, and deploy again.`,
    },
  );
}

/** Exactly the lockfile or an error, development dependencies included, since builds need them. */
const installCommands: Readonly<Record<PackageManager, string>> = {
  npm: 'npm ci --include=dev --no-audit --no-fund',
  pnpm: 'pnpm install --frozen-lockfile --prod=false',
  yarn: 'yarn install --immutable',
  bun: 'bun install --frozen-lockfile',
};
/** Yarn 1, told by the first lines of its lockfile. */
const classicYarnInstall = 'yarn install --frozen-lockfile --production=false';

/** `npm run build` and its kin; null when package.json has no `build` script. */
export function buildScriptCommand(manager: PackageManager, packageJson: PackageJson): string | null {
  return typeof packageJson.scripts?.['build'] === 'string' ? `${manager} run build` : null;
}

export async function readPackageJson(directory: string): Promise<PackageJson | null> {
  const file = path.join(directory, 'package.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const value = parseJson(text, file);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new TakoError('PACKAGE_JSON_INVALID', `${file} is not a JSON object`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TakoError(
      'PACKAGE_JSON_INVALID',
      `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** `packageManager: "pnpm@9.1.0"`, as Corepack reads it. */
function declaredManager(packageJson: PackageJson): PackageManager | null {
  const declared = packageJson.packageManager;
  if (typeof declared !== 'string') return null;
  const name = declared.split('@')[0];
  return lockfiles.map(([, manager]) => manager).find((manager) => manager === name) ?? null;
}

async function findLockfile(
  root: string,
  directory: string,
  wanted: PackageManager | null,
): Promise<{ manager: PackageManager; installDir: string; lockfile: string } | null> {
  for (const [lockfile, manager] of lockfiles) {
    if (wanted !== null && manager !== wanted) continue;
    if (await exists(path.join(root, directory, lockfile)))
      return { manager, installDir: directory, lockfile };
  }
  if (directory === '.' || directory === '') return null;
  return findLockfile(root, path.posix.dirname(directory), wanted);
}

function hasDependencies(packageJson: PackageJson): boolean {
  const groups = [packageJson.dependencies, packageJson.devDependencies, packageJson.optionalDependencies];
  return (
    packageJson.workspaces !== undefined ||
    groups.some((group) => group !== undefined && Object.keys(group).length > 0)
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    // Absent, or not readable by us: either way nothing to install from.
    return false;
  }
}
