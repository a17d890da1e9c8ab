// What git knows of a source tree: its root, its commit, whether it is clean. Reads only; knows no build.
import { realpath } from 'node:fs/promises';
import { isTakoError } from '@tako/config';
import { limits } from '../limits.ts';
import { runProgram } from '../process/run-program.ts';

export interface GitContext {
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface GitCommit {
  /** The whole hex id. */
  readonly id: string;
  /** First line of the message. */
  readonly subject: string;
}

export interface GitTree {
  readonly root: string;
  /** null in a repository without a commit yet. */
  readonly commit: GitCommit | null;
  /** Whether anything that a build would take differs from the commit. */
  readonly dirty: boolean;
  /** Paths under `root` that are tracked although an ignore rule names them. */
  readonly trackedButIgnored: readonly string[];
}

/** Never part of a build, so a change in them does not make the tree dirty (spec 30, step 5). */
const notBuilt = [':(exclude,glob)**/.tako/**', ':(exclude,glob)**/.env*'];

/** null outside of a work tree, or without git on this machine. */
export async function readGitTree(directory: string, context: GitContext): Promise<GitTree | null> {
  const top = await git(directory, ['rev-parse', '--show-toplevel'], context);
  if (top === null || top.trim() === '') return null;
  const root = await realpath(top.replace(/\r?\n$/, ''));
  const [log, status, tracked] = await Promise.all([
    git(root, ['log', '-1', '--format=%H%n%s', '--no-show-signature'], context),
    git(
      root,
      ['status', '--porcelain=v1', '-z', '--untracked-files=normal', '--', '.', ...notBuilt],
      context,
    ),
    git(root, ['ls-files', '--cached', '--ignored', '--exclude-standard', '-z'], context),
  ]);
  const [id, ...subject] = (log ?? '').split('\n');
  return {
    root,
    commit: id ? { id, subject: subject.join('\n').trim() } : null,
    dirty: status !== '',
    trackedButIgnored: (tracked ?? '').split('\0').filter((path) => path !== ''),
  };
}

/** stdout, or null when git said no or is not there. */
async function git(directory: string, args: readonly string[], context: GitContext): Promise<string | null> {
  try {
    const result = await runProgram({
      argv: ['git', ...args],
      cwd: directory,
      // A hook or a parent `git` may have set these; they would name another repository than the directory's.
      env: { ...withoutGitVariables(context.env), GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
      timeoutMs: limits.gitTimeoutMs,
      outputBytesMax: limits.gitOutputBytesMax,
      signal: context.signal,
    });
    return result.exitCode === 0 ? result.stdout : null;
  } catch (error) {
    if (isTakoError(error) && error.code === 'PROGRAM_NOT_FOUND') return null;
    throw error;
  }
}

function withoutGitVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  const names = new Set(['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX', 'GIT_OBJECT_DIRECTORY']);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}
