// The schema that a tako.toml's `#:schema` line names, for editors: made by `init`, kept out of git, and made again by a
// deploy where it is missing (a fresh clone) or of another version of Tako. Never written where the line names another.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { takoJsonSchema, writeFileAtomically } from '@tako/config';
import type { OpenProject } from '../app/project.ts';

/** Relative to the project. */
export const schemaFile = '.tako/tako.schema.json';
export const schemaReference = `./${schemaFile}`;

export async function writeSchema(directory: string): Promise<void> {
  const file = path.join(directory, schemaFile);
  const text = `${JSON.stringify(takoJsonSchema(), null, 2)}\n`;
  if ((await readFile(file, 'utf8').catch(() => null)) === text) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomically(file, text);
}

/** An editor's help is no reason to fail: a project that cannot be written to is deployed all the same. */
export async function refreshSchema(project: OpenProject): Promise<void> {
  const line = /^#:schema\s+(\S+)\s*$/m.exec(project.text)?.[1];
  if (line !== schemaReference) return;
  await writeSchema(project.files.directory).catch(() => undefined);
}
