// Whether and how the production dependencies of a release are installed. Pure: facts about the tree in, a plan out.
import type { Manifest } from '@tako/config';

export type PackageManager = NonNullable<Manifest['package_manager']>;

export interface TreeFacts {
  /** Names directly in `install_dir`. */
  readonly names: ReadonlySet<string>;
  /** The parsed package.json of `install_dir`, and of `app_dir` when it is another. */
  readonly packages: readonly unknown[];
  /** First line(s) of yarn.lock; null when there is none. */
  readonly yarnLockHead: string | null;
}

export type InstallPlan =
  | { readonly kind: 'skip'; readonly reason: string }
  | {
      readonly kind: 'run';
      readonly tool: PackageManager;
      readonly range: string | null;
      readonly args: readonly string[];
    };

const lockfiles: Readonly<Record<PackageManager, readonly string[]>> = {
  npm: ['package-lock.json', 'npm-shrinkwrap.json'],
  pnpm: ['pnpm-lock.yaml'],
  yarn: ['yarn.lock'],
  bun: ['bun.lock', 'bun.lockb'],
};

/** Spec 60, Runtimes. */
const installArgs: Readonly<Record<PackageManager, readonly string[]>> = {
  npm: ['ci', '--omit=dev'],
  pnpm: ['install', '--prod', '--frozen-lockfile'],
  yarn: ['install', '--immutable'],
  bun: ['install', '--production', '--frozen-lockfile'],
};
/** yarn 1 knows neither `--immutable` nor the lockfile of later ones. */
const yarnClassicArgs = ['install', '--production', '--frozen-lockfile', '--non-interactive'] as const;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasEntries(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length > 0;
}

/** A workspace's root may have no dependency of its own and its members many. */
function mayNeedDependencies(facts: TreeFacts): boolean {
  if (facts.names.has('pnpm-workspace.yaml')) return true;
  return facts.packages.some(
    (value) =>
      isRecord(value) &&
      (hasEntries(value['dependencies']) ||
        hasEntries(value['optionalDependencies']) ||
        value['workspaces'] !== undefined),
  );
}

const pinned = /^(npm|pnpm|yarn|bun)@(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)/;

/** The version in `packageManager` (Corepack's field), when it is that of this manager. */
function pinnedVersion(tool: PackageManager, facts: TreeFacts): string | null {
  const root = facts.packages[0];
  const field = isRecord(root) ? root['packageManager'] : undefined;
  const match = typeof field === 'string' ? pinned.exec(field) : null;
  return match?.[1] === tool ? (match[2] ?? null) : null;
}

export function planInstall(tool: PackageManager | null, facts: TreeFacts): InstallPlan {
  if (tool === null) return { kind: 'skip', reason: 'the project has no package manager' };
  const lockfile = lockfiles[tool].find((name) => facts.names.has(name));
  if (lockfile === undefined) return { kind: 'skip', reason: `there is no lockfile of ${tool}` };
  if (!mayNeedDependencies(facts)) return { kind: 'skip', reason: 'there are no production dependencies' };
  const range = pinnedVersion(tool, facts);
  const classic =
    tool === 'yarn' &&
    (range === null ? /^# yarn lockfile v1$/m.test(facts.yarnLockHead ?? '') : range.startsWith('1.'));
  if (classic) return { kind: 'run', tool, range: range ?? '1', args: yarnClassicArgs };
  return { kind: 'run', tool, range, args: installArgs[tool] };
}
