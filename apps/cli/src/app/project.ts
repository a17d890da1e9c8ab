// The project that a command works on: the nearest tako.toml upwards, or the one named. Knows no server.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseProject, TakoError, type Project } from '@tako/config';
import { projectFiles, type ProjectFiles } from './local-files.ts';

export interface OpenProject {
  readonly project: Project;
  readonly files: ProjectFiles;
  /** The text that was parsed, for edits that keep its comments. */
  readonly text: string;
}

/** null when there is none and none was named. Errors: CONFIG_INVALID, CONFIG_NOT_FOUND for a named one. */
export async function findProject(cwd: string, named: string | null): Promise<OpenProject | null> {
  const file = named === null ? await findUpwards(cwd) : path.resolve(cwd, named);
  if (file === null) return null;
  const text = await readText(file);
  if (text === null) {
    throw new TakoError('CONFIG_NOT_FOUND', `there is no file ${file}`, {
      hint: 'Correct --config, or leave it away to use the nearest tako.toml.',
    });
  }
  const shown = path.relative(cwd, file) || file;
  const directoryName = path.basename(path.dirname(file));
  return { project: parseProject(text, { file: shown, directoryName }), files: projectFiles(file), text };
}

/** Errors: CONFIG_NOT_FOUND, CONFIG_INVALID. */
export async function openProject(cwd: string, named: string | null): Promise<OpenProject> {
  const found = await findProject(cwd, named);
  if (found !== null) return found;
  throw new TakoError('CONFIG_NOT_FOUND', `there is no tako.toml in ${cwd} or above`, {
    hint: 'Go to the project, or make one here: tako init',
  });
}

async function findUpwards(directory: string): Promise<string | null> {
  const file = path.join(directory, 'tako.toml');
  if ((await readText(file)) !== null) return file;
  const parent = path.dirname(directory);
  return parent === directory ? null : findUpwards(parent);
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return null;
    throw error;
  }
}
