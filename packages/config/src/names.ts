// Names and ids: apps, environments, deployments, versions, secrets, environment variables. Pure text rules; knows
// no file and no server.
import { limits } from './limits.ts';
import { TakoError } from './tako-error.ts';

const appNamePattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const envNamePattern = /^[a-z][a-z0-9-]{0,31}$/;
const versionPattern = /^[A-Za-z0-9._-]{1,128}$/;
const secretNamePattern = /^[A-Z][A-Z0-9_]{0,127}$/;
const envVarNamePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** The rules in words, as every message about them says them. */
export const nameRules = Object.freeze({
  app: '1-63 of a-z, 0-9 and "-", starting with a letter and not ending with "-"',
  env: '1-32 of a-z, 0-9 and "-", starting with a letter',
  version: '1-128 of A-Z, a-z, 0-9, ".", "_" and "-", neither "." nor ".."',
  secret: '1-128 of A-Z, 0-9 and "_", starting with a letter',
  envVar: '1-128 of A-Z, a-z, 0-9 and "_", not starting with a digit',
});

/** The environment whose deployment id is the bare app name. */
export const productionEnv = 'production';
/** Reserved for `tako dev`; never deployed. */
export const developmentEnv = 'development';

export interface DeploymentName {
  readonly app: string;
  readonly env: string;
}

export const isAppName = (text: string): boolean => appNamePattern.test(text);
export const isEnvName = (text: string): boolean => envNamePattern.test(text);
export const isVersion = (text: string): boolean =>
  versionPattern.test(text) && text !== '.' && text !== '..';
export const isSecretName = (text: string): boolean => secretNamePattern.test(text);
/** `__proto__` fits the pattern, but as a key of a JavaScript object it is not a name. */
export const isEnvVarName = (text: string): boolean => envVarNamePattern.test(text) && text !== '__proto__';

/** `PORT`, `HOST` and `TAKO_*` are Tako's own: neither vars nor secrets may set them (spec 10). */
export function isReservedEnvVarName(name: string): boolean {
  return name === 'PORT' || name === 'HOST' || name.startsWith('TAKO_');
}

/** Returns the text when it is an app's name. Errors: NAME_INVALID. */
export function parseAppName(text: string): string {
  if (isAppName(text)) return text;
  throw nameInvalid('app name', text, nameRules.app);
}

/** Returns the text when it is an environment's name. Errors: NAME_INVALID. */
export function parseEnvName(text: string): string {
  if (isEnvName(text)) return text;
  throw nameInvalid('environment name', text, nameRules.env);
}

/** Returns the text when it is a release's version id. Errors: NAME_INVALID. */
export function parseVersion(text: string): string {
  if (isVersion(text)) return text;
  throw nameInvalid('version', text, nameRules.version);
}

/** Returns the text when it is a secret's name that Tako does not reserve. Errors: NAME_INVALID. */
export function parseSecretName(text: string): string {
  if (!isSecretName(text)) throw nameInvalid('secret name', text, nameRules.secret);
  if (isReservedEnvVarName(text)) {
    throw new TakoError(
      'NAME_INVALID',
      `the secret name "${text}" is reserved: PORT, HOST and TAKO_* are set by Tako`,
      {
        hint: 'Choose another name.',
      },
    );
  }
  return text;
}

/** What the server calls an app: `name` in production, `name@env` elsewhere (spec 00). Errors: NAME_INVALID. */
export function deploymentId(app: string, env: string): string {
  parseAppName(app);
  parseEnvName(env);
  return env === productionEnv ? app : `${app}@${env}`;
}

/**
 * The inverse of `deploymentId`. `name@production` is refused: it would be a second id of the same deployment.
 * Errors: NAME_INVALID.
 */
export function parseDeploymentId(text: string): DeploymentName {
  const at = text.indexOf('@');
  const app = at === -1 ? text : text.slice(0, at);
  const env = at === -1 ? productionEnv : text.slice(at + 1);
  if (!isAppName(app) || !isEnvName(env)) {
    throw nameInvalid(
      'deployment id',
      text,
      `an app name, or app@environment; app: ${nameRules.app}; environment: ${nameRules.env}`,
    );
  }
  if (at !== -1 && env === productionEnv) {
    throw nameInvalid('deployment id', text, `the bare app name for production: "${app}"`);
  }
  return Object.freeze({ app, env });
}

/**
 * Makes an app's name of a directory's name: accents dropped, lower-cased, everything else a "-", cut to 63. Returns
 * null when nothing is left that could start a name.
 */
export function sanitizeAppName(directoryName: string): string | null {
  const plain = directoryName.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const name = plain
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, limits.appNameCharsMax)
    .replace(/-+$/, '');
  return isAppName(name) ? name : null;
}

function nameInvalid(what: string, text: string, allowed: string): TakoError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new TakoError('NAME_INVALID', `${shown} is not a valid ${what}`, { hint: `Allowed: ${allowed}.` });
}
