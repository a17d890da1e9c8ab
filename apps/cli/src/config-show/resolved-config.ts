// What tako.toml means for one environment, with defaults, presets and overrides in, as TOML for people and as a value for
// programs. Secrets are names only: no value is ever opened for this.
import type { ResolvedEnvironment } from '@tako/config';

export interface ResolvedConfig {
  readonly file: string;
  readonly environment: ResolvedEnvironment;
  /** From .tako/secrets. */
  readonly secretNames: readonly string[];
}

/** `routes` as text; `secrets` as names. Keys as in tako.toml. */
export function resolvedConfig({ environment, secretNames }: ResolvedConfig): Record<string, unknown> {
  const { routes, secretsExpose, vars, build, buildStages, processes, streams, servers, ...rest } =
    environment;
  const scalars = Object.entries(rest).map(([key, value]) => [snakeCase(key), value] as const);
  return {
    ...Object.fromEntries(scalars.filter(([, value]) => !isTable(value))),
    routes: routes.map(({ text }) => text),
    servers,
    ...Object.fromEntries(scalars.filter(([, value]) => isTable(value))),
    build,
    secrets: { expose: secretsExpose, names: secretNames },
    vars,
    build_stages: buildStages,
    processes,
    streams,
  };
}

/** TOML with comments for what is not set; only to be read, since some of it is detected at a deploy. */
export function resolvedConfigText(config: ResolvedConfig): string {
  const { environment, file } = config;
  const entries = Object.entries(resolvedConfig(config));
  const plain = entries.filter(([, value]) => !isTable(value) && !isTableList(value));
  const tables = entries.filter(([, value]) => isTable(value) && Object.keys(value).length > 0);
  const lists = entries.flatMap(([key, value]) =>
    isTableList(value) ? value.map((item) => [key, item] as const) : [],
  );
  return [
    `# ${file}, environment ${environment.env}, as a deploy would see it`,
    ...plain.map(([key, value]) => line(key, value)),
    ...tables.flatMap(([key, value]) => ['', `[${key}]`, ...tableLines(value)]),
    ...lists.flatMap(([key, value]) => ['', `[[${key}]]`, ...tableLines(value)]),
  ].join('\n');
}

function tableLines(value: unknown): string[] {
  return isTable(value) ? Object.entries(value).map(([key, inner]) => line(snakeCase(key), inner)) : [];
}

function line(key: string, value: unknown): string {
  const name = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
  if (value === null) return `# ${name}: not set`;
  return `${name} = ${Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value)}`;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTableList(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function snakeCase(key: string): string {
  // A variable's name is nobody's to change.
  return /^[a-z]/.test(key) ? key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
}
