import { describe, expect, it } from 'vitest';
import { parseProject, resolveEnvironment } from './project.ts';
import { renderProject, type NewProject } from './render-project.ts';

const smallest: NewProject = {
  name: 'shop',
  runtime: 'node',
  schema: './tako.schema.json',
  routes: ['shop.example'],
};
const place = { file: 'tako.toml', directoryName: 'x' };

describe('renderProject', () => {
  it('writes a file that says what was chosen', () => {
    expect(resolveEnvironment(parseProject(renderProject(smallest), place), 'production')).toMatchObject({
      app: 'shop',
      runtime: 'node',
      instances: 1,
      routes: [{ text: 'shop.example' }],
      servers: [],
    });
  });

  it('writes everything that was chosen', () => {
    const text = renderProject({
      ...smallest,
      runtime: 'node@26.1',
      routes: ['shop.example', '*.shop.example'],
      servers: ['fra-1'],
      packageManager: 'pnpm',
      preset: 'hono',
      main: 'src/index.ts',
      start: ['node', 'src/index.ts'],
      readiness: 'http',
      healthPath: '/up',
      assets: ['public'],
      buildRun: 'make "all"',
      instances: 0,
    });
    expect(resolveEnvironment(parseProject(text, place), 'production')).toMatchObject({
      runtimeVersion: '26.1',
      packageManager: 'pnpm',
      preset: 'hono',
      main: 'src/index.ts',
      start: ['node', 'src/index.ts'],
      readiness: 'http',
      healthPath: '/up',
      assets: ['public'],
      build: { run: 'make "all"' },
      instances: 0,
      routes: [{ text: 'shop.example' }, { text: '*.shop.example' }],
      servers: ['fra-1'],
    });
  });

  it('begins with the line that gives editors the schema', () => {
    expect(renderProject(smallest).split('\n')[0]).toBe('#:schema ./tako.schema.json');
  });

  it('shows in its comments only what would be valid', () => {
    const text = renderProject({ ...smallest, routes: ['*.shop.example'] }).replaceAll(
      /^# (?=[A-Za-z_]+ = |\[)/gm,
      '',
    );
    const project = parseProject(text, place);
    expect(project.environments).toEqual(['production', 'staging']);
    expect(resolveEnvironment(project, 'production')).toMatchObject({
      vars: { LOG_LEVEL: 'info' },
      build: { run: 'npm run build' },
      servers: ['name'],
      releaseCommand: 'npm run migrate',
    });
  });
});
