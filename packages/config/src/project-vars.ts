// Variables of an environment: `[vars]`, `[vars.<env>]`, `[envs.<env>.vars]`, and the order in which all of an
// instance's variables override one another (spec 10). Knows no process.
import { describeFound } from './config-problem.ts';
import { limits } from './limits.ts';
import { developmentEnv, productionEnv } from './names.ts';
import { envVarNameField, envVarValueField } from './policy-fields.ts';
import type { ProjectSource } from './project-schema.ts';
import type { TomlDocument } from './toml-document.ts';
import type { TomlPath } from './toml-scanner.ts';

export type Report = (path: TomlPath, found: string, allowed: string) => void;
type Scalar = string | number | boolean;

/**
 * The document with decimals of `vars` as the text they are written in: `API_VERSION = 1.0` means "1.0", which as a
 * number would come out as "1".
 */
export function withDecimalsAsWritten(document: TomlDocument): TomlDocument {
  const asWritten = (value: unknown, path: TomlPath): unknown => {
    if (typeof value === 'number') {
      const text = document.textOf(path);
      return text !== null && /^[+-]?\d+\.\d+$/.test(text) ? text : value;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, asWritten(inner, [...path, key])]),
    );
  };
  const { vars, envs, ...others } = document.value;
  const value: Record<string, unknown> = { ...others };
  if (vars !== undefined) value['vars'] = asWritten(vars, ['vars']);
  if (envs !== undefined) {
    value['envs'] =
      typeof envs === 'object' && envs !== null && !Array.isArray(envs)
        ? Object.fromEntries(
            Object.entries(envs).map(([env, table]) => [
              env,
              withVars(table, (vars) => asWritten(vars, ['envs', env, 'vars'])),
            ]),
          )
        : envs;
  }
  return { ...document, value };
}

function withVars(table: unknown, change: (vars: unknown) => unknown): unknown {
  if (typeof table !== 'object' || table === null || !Object.hasOwn(table, 'vars')) return table;
  return { ...table, vars: change(Reflect.get(table, 'vars')) };
}

/** Every variable of one environment as text; `[vars.<env>]` and `[envs.<env>.vars]` come over `[vars]`. */
export function resolveVars(source: ProjectSource, env: string): Readonly<Record<string, string>> {
  const vars: Record<string, string> = {};
  for (const layer of [commonVars(source), scopedVars(source, env), source.envs?.[env]?.vars ?? {}]) {
    for (const [name, value] of Object.entries(layer)) vars[name] = String(value);
  }
  return vars;
}

export interface EnvironmentVariableLayers {
  /** What the runtime wants when nobody says otherwise: `NODE_ENV=production`. */
  readonly runtimeDefaults: Readonly<Record<string, string>>;
  /** `ResolvedEnvironment.vars`, or the manifest's `env_vars`. */
  readonly vars: Readonly<Record<string, string>>;
  /** `PORT`, `HOST`, `TAKO_*`. */
  readonly own: Readonly<Record<string, string>>;
}

/** Precedence, low to high: runtime defaults, vars, Tako's own (spec 10). Names sorted. */
export function environmentVariables(layers: EnvironmentVariableLayers): Readonly<Record<string, string>> {
  const merged = { ...layers.runtimeDefaults, ...layers.vars, ...layers.own };
  return Object.freeze(Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Names, values, environments that are not there, and a variable that one environment sets twice. */
export function checkVars(source: ProjectSource, report: Report): void {
  const environments = new Set([productionEnv, developmentEnv, ...Object.keys(source.envs ?? {})]);
  checkLayer(commonVars(source), ['vars'], report);
  for (const [name, value] of Object.entries(source.vars ?? {})) {
    if (typeof value !== 'object') continue;
    checkLayer(value, ['vars', name], report);
    if (!environments.has(name)) {
      report(
        ['vars', name],
        'a table',
        `a text, a number, true or false; or a table named like an environment: ${[...environments].sort().join(', ')}`,
      );
    }
  }
  for (const [env, { vars = {} }] of Object.entries(source.envs ?? {})) {
    checkLayer(vars, ['envs', env, 'vars'], report);
    const scoped = scopedVars(source, env);
    for (const name of Object.keys(vars)) {
      if (Object.hasOwn(scoped, name))
        report(['envs', env, 'vars', name], `a variable that [vars.${env}] sets too`, 'one of the two');
    }
  }
}

function checkLayer(layer: Readonly<Record<string, Scalar>>, path: TomlPath, report: Report): void {
  const names = Object.keys(layer);
  if (names.length > limits.envVarsMax)
    report(path, `${names.length} variables`, `at most ${limits.envVarsMax}`);
  for (const [name, value] of Object.entries(layer)) {
    const nameCheck = envVarNameField.safeParse(name);
    if (!nameCheck.success)
      report([...path, name], `the name ${describeFound(name)}`, nameCheck.error.issues[0]?.message ?? '');
    const valueCheck = envVarValueField.safeParse(String(value));
    if (!valueCheck.success)
      report([...path, name], describeFound(value), valueCheck.error.issues[0]?.message ?? '');
  }
}

function commonVars(source: ProjectSource): Readonly<Record<string, Scalar>> {
  const common: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(source.vars ?? {})) {
    if (typeof value !== 'object') common[name] = value;
  }
  return common;
}

function scopedVars(source: ProjectSource, env: string): Readonly<Record<string, Scalar>> {
  const scoped = source.vars?.[env];
  return typeof scoped === 'object' ? scoped : {};
}
