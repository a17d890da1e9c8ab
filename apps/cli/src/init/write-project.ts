// Writes what `tako init` makes: tako.toml with its schema, and the lines of .gitignore. Each whole or not at all, and
// nothing that was there is lost. Knows no questions.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseProject, renderProject, TakoError, writeFileAtomically, type NewProject } from '@tako/config';
import { schemaFile, schemaReference, writeSchema } from './project-schema-file.ts';

/** What Tako writes into a project and nobody commits; `.tako/secrets` is not among them. */
const ignoredLines = ['.tako/build/', '.tako/deploy.lock', schemaFile];

export interface WriteProject {
  readonly directory: string;
  readonly project: Omit<NewProject, 'schema'>;
  readonly overwrite: boolean;
}

/** The files written, relative. Errors: CONFIG_EXISTS. */
export async function writeProject(request: WriteProject): Promise<string[]> {
  const file = path.join(request.directory, 'tako.toml');
  if (!request.overwrite && (await readText(file)) !== null) {
    throw new TakoError('CONFIG_EXISTS', `${file} is there already`, {
      hint: 'Edit it, or write it anew with --force.',
    });
  }
  const text = renderProject({ ...request.project, schema: schemaReference });
  // What we write must be what we read.
  parseProject(text, { file: 'tako.toml', directoryName: path.basename(request.directory) });
  await writeSchema(request.directory);
  await writeFileAtomically(file, text);
  const ignored = await addIgnoredLines(path.join(request.directory, '.gitignore'));
  return ['tako.toml', ...(ignored ? ['.gitignore'] : [])];
}

async function addIgnoredLines(file: string): Promise<boolean> {
  const before = (await readText(file)) ?? '';
  const present = new Set(before.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
  const missing = ignoredLines.filter((line) => !present.has(line));
  if (missing.length === 0) return false;
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  await writeFileAtomically(file, `${before}${gap}${missing.join('\n')}\n`);
  return true;
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
