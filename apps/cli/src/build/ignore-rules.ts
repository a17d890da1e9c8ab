// The ignore rules of a source tree: `.gitignore` files at every depth, `.git/info/exclude`, and what Tako never
// takes (spec 30, step 5). Answers for paths; walks nothing itself.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Rules in force in one directory, innermost first; each speaks of paths below its own base. */
export interface IgnoreScope {
  readonly rules: readonly { readonly base: string; readonly matcher: Ignore }[];
}

const neverTakenNames = new Set(['.git', '.tako', 'node_modules']);

/** `.git`, `.tako`, `node_modules`, `.env*`: at every depth, whatever the rules say. */
export function isNeverTaken(name: string): boolean {
  return neverTakenNames.has(name) || name.startsWith('.env');
}

export async function openRootScope(root: string): Promise<IgnoreScope> {
  const exclude = await readRules(path.join(root, '.git', 'info', 'exclude'));
  return enterDirectory(root, '', { rules: exclude === null ? [] : [{ base: '', matcher: exclude }] });
}

/** The scope inside of `directory` (relative to the root, `/`, no end slash), with its own `.gitignore` first. */
export async function enterDirectory(
  root: string,
  directory: string,
  outer: IgnoreScope,
): Promise<IgnoreScope> {
  const own = await readRules(path.join(root, directory, '.gitignore'));
  if (own === null) return outer;
  return { rules: [{ base: directory === '' ? '' : `${directory}/`, matcher: own }, ...outer.rules] };
}

/** gitignore(5): the innermost file decides; within it the last matching line. */
export function isIgnored(scope: IgnoreScope, relativePath: string, isDirectory: boolean): boolean {
  for (const { base, matcher } of scope.rules) {
    const below = relativePath.slice(base.length) + (isDirectory ? '/' : '');
    const verdict = matcher.test(below);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

async function readRules(file: string): Promise<Ignore | null> {
  try {
    return ignore().add(await readFile(file, 'utf8'));
  } catch {
    // No such file, or a directory of that name (`.git` is a file in worktrees): no rules from here.
    return null;
  }
}
