import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentKeys, projectKeys } from './project-schema.ts';
import { parseProject, resolveEnvironment } from './project.ts';

const page = await readFile(path.join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
const examples = [...page.matchAll(/```toml\n([^]*?)```/g)].map((match) => match[1] ?? '');

describe('docs/configuration.md', () => {
  it.each(examples)('shows a tako.toml that works: %#', (text) => {
    const project = parseProject(text, { file: 'tako.toml', directoryName: 'x' });
    expect(resolveEnvironment(project, 'production').routes.length).toBeGreaterThan(0);
  });

  it('has examples', () => expect(examples.length).toBeGreaterThan(1));

  it('names every key', () => {
    for (const key of new Set([...projectKeys, ...environmentKeys]))
      expect(page).toMatch(new RegExp(`\\b${key}\\b`));
  });
});
