// `tako.toml`: text in, a frozen project out, every environment resolved; or one error with every problem of the
// file. Reads no file and knows no inventory.
import { checkShape, valueAt, type MisplacedKeyAdvice } from './check-shape.ts';
import { problemsError, type ConfigProblem } from './config-problem.ts';
import { deepFreeze } from './deep-freeze.ts';
import { limits } from './limits.ts';
import { developmentEnv, isEnvName, nameRules, sanitizeAppName } from './names.ts';
import { isNear, nearestKey } from './nearest-key.ts';
import { environmentKeys, projectKeys, projectSchema, type ProjectSource } from './project-schema.ts';
import { checkVars, withDecimalsAsWritten, type Report } from './project-vars.ts';
import type { Project, ResolvedEnvironment } from './project.types.ts';
import { resolveEnvironmentSource } from './resolve-environment.ts';
import { TakoError } from './tako-error.ts';
import { readTomlDocument, type TomlDocument } from './toml-document.ts';

export interface ProjectPlace {
  /** Shown in messages. */
  readonly file: string;
  /** The last part of the project's directory: the app's name where the file has none. */
  readonly directoryName: string;
}

/** Errors: CONFIG_INVALID, with `details.problems` as ConfigProblem[]. */
export function parseProject(text: string, place: ProjectPlace): Project {
  const reading = readTomlDocument(text, place.file);
  if (reading.kind === 'problem') throw problemsError('CONFIG_INVALID', place.file, [reading.problem]);
  const document = withDecimalsAsWritten(reading.document);
  const shape = checkShape(projectSchema, document, adviseOnPlace);
  const problems = new Map<string, ConfigProblem>(
    shape.problems.map((problem) => [problem.message, problem]),
  );
  const report: Report = (path, found, allowed) => {
    // A key of the project is looked at once for each environment; the same words say it once.
    const problem = document.problemAt(path, found, allowed);
    problems.set(problem.message, problem);
  };
  const name = resolveName(shape.value, { ...place, written: document.value }, report);
  checkVars(shape.value, report);
  const resolved = resolveAll(shape.value, { name, document }, report);
  if (problems.size > 0) throw problemsError('CONFIG_INVALID', place.file, [...problems.values()]);
  return deepFreeze({ file: place.file, name, environments: Object.keys(shape.value.envs ?? {}), resolved });
}

/** Errors: ENVIRONMENT_UNKNOWN, with the nearest known one. */
export function resolveEnvironment(project: Project, env: string): ResolvedEnvironment {
  const found = Object.hasOwn(project.resolved, env) ? project.resolved[env] : undefined;
  if (found !== undefined) return found;
  const nearest = nearestKey(env, project.environments);
  const question = nearest !== null && isNear(env, nearest) ? `Did you mean "${nearest}"? ` : '';
  const known = project.environments.length === 0 ? 'none' : project.environments.join(', ');
  throw new TakoError('ENVIRONMENT_UNKNOWN', `${project.file} has no environment "${env}"`, {
    hint: `${question}It has: ${known}. Add it as [envs.${isEnvName(env) ? env : 'name'}] with a route.`,
    details: { env, environments: project.environments },
  });
}

/** Errors: ENVIRONMENT_NOT_DEPLOYABLE for `development`, which is `tako dev`'s own. */
export function requireDeployable(environment: ResolvedEnvironment): void {
  if (environment.env !== developmentEnv) return;
  throw new TakoError(
    'ENVIRONMENT_NOT_DEPLOYABLE',
    'the environment "development" is reserved for tako dev and cannot be deployed',
    {
      hint: 'Deploy another one: tako deploy --env production',
    },
  );
}

function resolveName(
  source: ProjectSource,
  place: ProjectPlace & { written: unknown },
  report: Report,
): string {
  const name = source.name ?? sanitizeAppName(place.directoryName);
  if (name !== null) return name;
  if (valueAt(place.written, ['name']) === undefined) {
    report(
      ['name'],
      `nothing, and no name in the directory's (${JSON.stringify(place.directoryName)})`,
      `name = "..." with ${nameRules.app}`,
    );
  }
  return 'app';
}

function resolveAll(
  source: ProjectSource,
  project: { name: string; document: TomlDocument },
  report: Report,
): Readonly<Record<string, ResolvedEnvironment>> {
  const resolved: Record<string, ResolvedEnvironment> = {};
  const written = Object.keys(source.envs ?? {});
  if (written.length > limits.environmentsMax) {
    report(['envs'], `${written.length} environments`, `at most ${limits.environmentsMax}`);
  }
  for (const env of new Set([...written.slice(0, limits.environmentsMax), developmentEnv])) {
    const path = ['envs', env];
    if (!isEnvName(env)) {
      report(path, `the environment name ${JSON.stringify(env)}`, nameRules.env);
      continue;
    }
    const table = valueAt(project.document.value, path);
    const writtenKeys =
      typeof table === 'object' && table !== null ? Object.fromEntries(Object.entries(table)) : {};
    resolved[env] = resolveEnvironmentSource(
      source,
      { app: project.name, env, written: writtenKeys },
      report,
    );
    checkServers(resolved[env], report);
  }
  return resolved;
}

function checkServers(environment: ResolvedEnvironment, report: Report): void {
  const path = ['envs', environment.env, 'servers'];
  if (environment.env === developmentEnv && environment.servers.length > 0) {
    report(path, 'servers for development', 'none: it is reserved for tako dev and cannot be deployed');
  }
  for (const [index, server] of environment.servers.entries()) {
    if (environment.servers.indexOf(server) < index)
      report([...path, index], `"${server}" a second time`, 'each server once');
  }
}

/** A key that is right, but in the wrong table: the usual cause is a `[table]` header above it. */
const adviseOnPlace: MisplacedKeyAdvice = (path, key) => {
  if (path.length === 0 && environmentKeys.includes(key))
    return `"${key}" in an environment, as in [envs.production]`;
  if (path.length > 0 && projectKeys.includes(key)) return `"${key}" at the top, above the first [table]`;
  return null;
};
