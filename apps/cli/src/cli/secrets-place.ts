// Where the secrets of the project and environment that flags name are. Knows no value.
import { developmentEnv, productionEnv, resolveEnvironment } from '@tako/config';
import { keysDirectory } from '../app/local-files.ts';
import { openProject, type OpenProject } from '../app/project.ts';
import type { SecretsPlace } from '../secrets/project-secrets.ts';
import type { CliContext } from './cli-context.ts';

export interface EnvironmentPlace extends SecretsPlace {
  readonly project: OpenProject;
  readonly env: string;
}

/** Errors: CONFIG_NOT_FOUND, ENVIRONMENT_UNKNOWN. */
export async function secretsPlace(
  cli: CliContext,
  flags: { readonly config?: string | undefined; readonly env?: string | undefined },
): Promise<EnvironmentPlace> {
  const project = await openProject(cli.environment.cwd, flags.config ?? null);
  const env = flags.env ?? productionEnv;
  // A typing error would open a new environment beside the real one.
  if (env !== developmentEnv) resolveEnvironment(project.project, env);
  const keys = { directory: keysDirectory(cli.environment.takoHome), app: project.project.name, env };
  return { project, env, file: project.files.secretsFile, keys };
}
