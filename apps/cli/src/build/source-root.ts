// Finds the root of the source tree of a project: the git root, else the workspace root, else the project itself
// (spec 30, step 5). Knows nothing of what is copied.
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { toPosix } from '../files/posix-path.ts';
import { readGitTree, type GitContext, type GitTree } from './git.ts';

export interface SourceRoot {
  /** Absolute, without symlinks. */
  readonly root: string;
  readonly git: GitTree | null;
  /** The project's path below the root, with `/`; `.` when it is the root. */
  readonly appDir: string;
}

export async function findSourceRoot(projectDir: string, context: GitContext): Promise<SourceRoot> {
  const project = await realpath(projectDir);
  const git = await readGitTree(project, context);
  const root = git?.root ?? (await findWorkspaceRoot(project)) ?? project;
  return { root, git, appDir: toPosix(path.relative(root, project)) || '.' };
}

/** The nearest directory at or above whose package.json has `workspaces`, or which has pnpm-workspace.yaml. */
async function findWorkspaceRoot(directory: string): Promise<string | null> {
  if ((await readText(path.join(directory, 'pnpm-workspace.yaml'))) !== null) return directory;
  const text = await readText(path.join(directory, 'package.json'));
  if (text !== null && hasWorkspaces(text)) return directory;
  const parent = path.dirname(directory);
  return parent === directory ? null : findWorkspaceRoot(parent);
}

function hasWorkspaces(packageJson: string): boolean {
  try {
    const value: unknown = JSON.parse(packageJson);
    return typeof value === 'object' && value !== null && 'workspaces' in value;
  } catch {
    // A broken package.json above the project is not ours to report; the install of the project would say it.
    return false;
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // Absent or unreadable: either way this directory is not the workspace root.
    return null;
  }
}
