// The tako.toml that `tako init` writes: what was chosen, and in comments what else there is. Pure.
import type { PackageManager } from './policy-fields.ts';
import type { PresetName } from './presets.ts';
import { formatTomlValue, type TomlValue } from './toml-text.ts';

export interface NewProject {
  readonly name: string;
  /** As in the file: `node` or `node@26.1`. */
  readonly runtime: string;
  /** The `#:schema` line's target, for editors. */
  readonly schema: string;
  readonly routes: readonly [string, ...string[]];
  readonly servers?: readonly string[];
  readonly packageManager?: PackageManager;
  readonly preset?: PresetName;
  readonly main?: string;
  readonly start?: readonly string[];
  readonly readiness?: 'sdk' | 'http';
  readonly healthPath?: string;
  readonly assets?: readonly string[];
  readonly buildRun?: string;
  readonly instances?: number;
}

/** A complete, valid tako.toml. What is not given stands in a comment with its default, where that helps a reader. */
export function renderProject(project: NewProject): string {
  const lines = [
    `#:schema ${project.schema}`,
    '',
    '# Who the app is on its servers. It stays; another name is another app.',
    `name = ${formatTomlValue(project.name)}`,
    `runtime = ${formatTomlValue(project.runtime)}`,
    ...given('package_manager', project.packageManager),
    ...given('preset', project.preset),
    ...given('main', project.main),
    ...given('start', project.start),
    ...given('readiness', project.readiness),
    ...given('health_path', project.healthPath),
    ...given('assets', project.assets),
    '',
    '# How many at first; "tako scale" changes it later. 0 starts the app on demand.',
    `instances = ${project.instances ?? 1}`,
    '',
    '# Runs once per deploy, before the new version starts.',
    '# release_command = "npm run migrate"',
    '',
    ...(project.buildRun === undefined
      ? ['# [build]', '# run = "npm run build"']
      : ['[build]', `run = ${formatTomlValue(project.buildRun)}`]),
    '',
    '# Variables that are no secrets; "tako secrets set NAME" keeps the others.',
    '[vars]',
    '# LOG_LEVEL = "info"',
    '',
    '[envs.production]',
    project.routes.length === 1
      ? `route = ${formatTomlValue(project.routes[0])}`
      : `routes = ${formatTomlValue(project.routes)}`,
    project.servers === undefined || project.servers.length === 0
      ? '# servers = ["name"]  # as "tako servers ls" shows them'
      : `servers = ${formatTomlValue(project.servers)}`,
    '',
    '# [envs.staging]',
    `# route = ${formatTomlValue(stagingRoute(project.routes[0]))}`,
  ];
  return `${lines.join('\n')}\n`;
}

function given(key: string, value: TomlValue | undefined): readonly string[] {
  return value === undefined ? [] : [`${key} = ${formatTomlValue(value)}`];
}

function stagingRoute(route: string): string {
  return `staging.${route.replace(/^\*\./, '')}`;
}
