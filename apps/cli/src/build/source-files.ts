// Lists what a build takes from the source tree, sorted, with symlinks checked. Reads names and modes, no contents.
import { lstat, opendir, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { toPosix } from '../files/posix-path.ts';
import { limits } from '../limits.ts';
import { enterDirectory, isIgnored, isNeverTaken, openRootScope, type IgnoreScope } from './ignore-rules.ts';

export type SourceFile =
  | { readonly kind: 'file'; readonly path: string; readonly executable: boolean; readonly sizeBytes: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string };

export interface SourceListing {
  /** By path, in code unit order: the same on every machine. */
  readonly files: readonly SourceFile[];
  /** Sockets, FIFOs and devices, which no archive can carry. */
  readonly skipped: readonly string[];
}

interface Walk {
  readonly root: string;
  readonly tracked: ReadonlySet<string>;
  readonly trackedDirectories: ReadonlySet<string>;
  readonly files: SourceFile[];
  readonly skipped: string[];
  readonly escaping: string[];
  readonly signal: AbortSignal | undefined;
}

/** Errors: SOURCE_LINK_REFUSED (all of them), SOURCE_TOO_LARGE. */
export async function listSourceFiles(
  root: string,
  options: { trackedButIgnored?: readonly string[]; signal?: AbortSignal | undefined } = {},
): Promise<SourceListing> {
  const tracked = new Set(options.trackedButIgnored);
  const walk: Walk = {
    root,
    tracked,
    trackedDirectories: new Set([...tracked].flatMap(parentsOf)),
    files: [],
    skipped: [],
    escaping: [],
    signal: options.signal,
  };
  await walkDirectory(walk, '', await openRootScope(root));
  if (walk.escaping.length > 0) throw escapes(walk.escaping);
  walk.files.sort((a, b) => compareCodeUnits(a.path, b.path));
  return { files: walk.files, skipped: walk.skipped.sort(compareCodeUnits) };
}

/** A tracked file keeps its ignored directory open (`inIgnored`), but none of its untracked siblings. */
async function walkDirectory(
  walk: Walk,
  directory: string,
  scope: IgnoreScope,
  inIgnored = false,
): Promise<void> {
  walk.signal?.throwIfAborted();
  for await (const entry of await opendir(path.join(walk.root, directory))) {
    if (isNeverTaken(entry.name)) continue;
    const relative = directory === '' ? entry.name : `${directory}/${entry.name}`;
    const ignored = inIgnored || isIgnored(scope, relative, entry.isDirectory());
    if (entry.isDirectory()) {
      if (ignored && !walk.trackedDirectories.has(relative)) continue;
      await walkDirectory(walk, relative, await enterDirectory(walk.root, relative, scope), ignored);
    } else if (!ignored || walk.tracked.has(relative)) {
      await takeEntry(walk, relative);
    }
    if (walk.files.length > limits.sourceFilesMax) throw tooManyFiles(walk.root);
  }
}

async function takeEntry(walk: Walk, relative: string): Promise<void> {
  const absolute = path.join(walk.root, relative);
  const stat = await lstat(absolute);
  if (stat.isSymbolicLink()) {
    const target = toPosix(await readlink(absolute));
    if (await leavesRoot(walk.root, relative, target)) walk.escaping.push(`${relative} -> ${target}`);
    walk.files.push({ kind: 'symlink', path: relative, target });
  } else if (stat.isFile()) {
    walk.files.push({
      kind: 'file',
      path: relative,
      executable: (stat.mode & 0o100) !== 0,
      sizeBytes: stat.size,
    });
  } else {
    walk.skipped.push(relative);
  }
}

/**
 * Absolute targets leave (they mean another file on the server). A relative one is judged as written, and as resolved:
 * through another link, `..` may climb out of a path that reads as if it stayed inside.
 */
export async function leavesRoot(root: string, relative: string, target: string): Promise<boolean> {
  if (path.isAbsolute(target)) return true;
  const written = path.posix.normalize(path.posix.join(path.posix.dirname(relative), target));
  if (written === '..' || written.startsWith('../')) return true;
  try {
    const resolved = await realpath(path.join(root, relative));
    return resolved !== root && !resolved.startsWith(root + path.sep);
  } catch {
    // Dangling: nothing is there to leak, and the way as written stays inside.
    return false;
  }
}

function parentsOf(relative: string): string[] {
  const parts = relative.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

export const compareCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function escapes(links: readonly string[]): TakoError {
  const shown = links.slice(0, 20).map((link) => `  ${link}`);
  return new TakoError(
    'SOURCE_LINK_REFUSED',
    `${links.length === 1 ? 'a symlink leaves' : `${links.length} symlinks leave`} the source root:\n${shown.join('\n')}`,
    {
      hint: 'Point the link inside of the repository with a relative path, or add it to .gitignore.',
      details: { links: links.slice(0, 100) },
    },
  );
}

function tooManyFiles(root: string): TakoError {
  return new TakoError('SOURCE_TOO_LARGE', `${root} has more than ${limits.sourceFilesMax} files to deploy`, {
    hint: 'Add generated files and data to .gitignore.',
  });
}
