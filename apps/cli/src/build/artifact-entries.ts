// Which files of a built workspace go into the artifact, and under which names: no `node_modules`, excludes honoured,
// assets merged into `public/` (spec 10, 30). Lists; packs nothing.
import { lstat, opendir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import ignore, { type Ignore } from 'ignore';
import { toPosix } from '../files/posix-path.ts';
import { limits } from '../limits.ts';
import { isNeverTaken } from './ignore-rules.ts';
import { compareCodeUnits, leavesRoot } from './source-files.ts';

export interface ArtifactEntry {
  readonly kind: 'file' | 'symlink' | 'directory';
  /** Its name in the artifact, with `/`. */
  readonly name: string;
  /** Where it lies in the workspace. */
  readonly from: string;
  readonly executable: boolean;
  readonly sizeBytes: number;
  readonly target: string | null;
}

export interface ArtifactSelection {
  readonly workspace: string;
  readonly appDir: string;
  readonly installDir: string;
  /** gitignore(5) patterns relative to the app; empty = everything. */
  readonly include: readonly string[];
  readonly excludes: readonly { readonly base: string; readonly patterns: readonly string[] }[];
  /** Directories relative to the app, merged into `{appDir}/public`; later ones win. */
  readonly assets: readonly string[];
  readonly modules: KeptModules;
}

/** What of `node_modules` is part of the build's output (standalone-program.ts); nothing of any other one is taken. */
export interface KeptModules {
  /** Below these directories of the workspace it is taken whole. */
  readonly below: readonly string[];
  /** Links to where the server installs them, by name in the artifact. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
}

export const noModules: KeptModules = Object.freeze({ below: [], links: [] });

/** What a production install reads; kept whatever `include` says. */
const installFiles =
  /^(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|yarn\.lock|\.yarnrc\.yml|bun\.lockb?|bunfig\.toml|\.npmrc|deno\.jsonc?|deno\.lock|go\.mod|go\.sum)$/;

/** Sorted by name. Errors: ARTIFACT_TOO_LARGE, SOURCE_LINK_REFUSED, ASSETS_NOT_FOUND. */
export async function listArtifactEntries(selection: ArtifactSelection): Promise<ArtifactEntry[]> {
  const entries = new Map<string, ArtifactEntry>();
  const filter = createFilter(selection);
  await walk(selection, '', (entry) => {
    if (filter.isExcluded(entry)) return false;
    if (filter.isIncluded(entry)) entries.set(entry.name, entry);
    return true;
  });
  for (const { name, target } of selection.modules.links)
    entries.set(name, { kind: 'symlink', name, from: '', executable: false, sizeBytes: 0, target });
  for (const assets of selection.assets) await mergeAssets(selection, assets, entries);
  const sorted = [...entries.values()].sort((a, b) => compareCodeUnits(a.name, b.name));
  checkLimits(sorted);
  return sorted;
}

type Visit = (entry: ArtifactEntry) => boolean;

async function walk(selection: ArtifactSelection, directory: string, visit: Visit): Promise<void> {
  for await (const found of await opendir(path.join(selection.workspace, directory))) {
    const name = directory === '' ? found.name : `${directory}/${found.name}`;
    if (isNeverTaken(found.name) && !isKept(selection.modules, found.name, name)) continue;
    const entry = await readEntry(selection.workspace, name);
    if (entry === null) continue;
    if (visit(entry) && entry.kind === 'directory') await walk(selection, name, visit);
  }
}

function isKept({ below }: KeptModules, fileName: string, name: string): boolean {
  return fileName === 'node_modules' && below.some((folder) => `${name}/`.startsWith(`${folder}/`));
}

async function readEntry(workspace: string, name: string): Promise<ArtifactEntry | null> {
  const absolute = path.join(workspace, name);
  const stat = await lstat(absolute);
  const base = { name, from: absolute, executable: false, sizeBytes: 0, target: null };
  if (stat.isDirectory()) return { ...base, kind: 'directory', executable: true };
  if (stat.isFile()) {
    return { ...base, kind: 'file', executable: (stat.mode & 0o100) !== 0, sizeBytes: stat.size };
  }
  if (!stat.isSymbolicLink()) return null;
  const target = toPosix(await readlink(absolute));
  if (await leavesRoot(workspace, name, target)) {
    throw new TakoError(
      'SOURCE_LINK_REFUSED',
      `the build made a symlink that leaves the workspace: ${name} -> ${target}`,
      { hint: 'Make the build write a relative link or a copy, or name the path in [build].exclude.' },
    );
  }
  return { ...base, kind: 'symlink', target };
}

interface Filter {
  /** An excluded directory is not entered. */
  isExcluded(entry: ArtifactEntry): boolean;
  /** A directory that only `include` leaves out may still hold included files. */
  isIncluded(entry: ArtifactEntry): boolean;
}

function createFilter(selection: ArtifactSelection): Filter {
  const include = selection.include.length === 0 ? null : ignore().add([...selection.include]);
  const excludes = selection.excludes.map(({ base, patterns }) => ({
    base,
    matcher: ignore().add([...patterns]),
  }));
  const matches = (base: string, matcher: Ignore, entry: ArtifactEntry): boolean => {
    const below = relativeTo(base, entry.name);
    return below !== null && matcher.ignores(entry.kind === 'directory' ? `${below}/` : below);
  };
  return {
    isExcluded: (entry) => excludes.some(({ base, matcher }) => matches(base, matcher, entry)),
    isIncluded: (entry) => {
      if (include === null) return true;
      if (entry.kind === 'directory') return false;
      return installFiles.test(path.posix.basename(entry.name)) || matches(selection.appDir, include, entry);
    },
  };
}

/** Files of an assets directory again, under `public/`: an app reads them where it always did, the proxy where it looks. */
async function mergeAssets(
  selection: ArtifactSelection,
  assets: string,
  entries: Map<string, ArtifactEntry>,
): Promise<void> {
  const from = path.posix.join(selection.appDir, assets);
  const to = path.posix.join(selection.appDir, 'public');
  const found = await lstat(path.join(selection.workspace, from)).catch(() => null);
  if (!found?.isDirectory()) {
    throw new TakoError(
      'ASSETS_NOT_FOUND',
      `the assets directory "${assets}" does not exist after the build`,
      {
        hint: 'Check `assets` in tako.toml against what the build writes.',
      },
    );
  }
  if (from === to) return;
  const add = (entry: ArtifactEntry): void => {
    const name = path.posix.join(to, path.posix.relative(from, entry.name));
    entries.set(name, { ...entry, name });
  };
  add({ kind: 'directory', name: from, from: '', executable: true, sizeBytes: 0, target: null });
  await walk(selection, from, (entry) => {
    add(entry);
    return true;
  });
}

function relativeTo(base: string, name: string): string | null {
  if (base === '.' || base === '') return name;
  return name.startsWith(`${base}/`) ? name.slice(base.length + 1) : null;
}

function checkLimits(entries: readonly ArtifactEntry[]): void {
  const bytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  if (entries.length <= limits.artifactEntriesMax && bytes <= limits.artifactUnpackedBytesMax) return;
  throw new TakoError(
    'ARTIFACT_TOO_LARGE',
    `the artifact would hold ${entries.length} entries and ${bytes} bytes; a server takes at most ${limits.artifactEntriesMax} and ${limits.artifactUnpackedBytesMax}`,
    { hint: 'Leave what the app does not need out with [build].exclude.' },
  );
}
