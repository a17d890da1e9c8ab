// Schemas that many procedures share: identities, the lock token, who calls.
import {
  developmentEnv,
  isReservedEnvVarName,
  isSecretName,
  isVersion,
  limits,
  nameRules,
  productionEnv,
} from '@tako/config';
import { z } from 'zod';
import { protocolLimits } from '../limits.ts';

/** What the server calls an app: `name` in production, `name@env` elsewhere (spec: deployment id). */
export const deploymentIdSchema = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?:@[a-z][a-z0-9-]{0,31})?$/, {
    error: 'a deployment id is a name, or name@env',
  })
  .refine((id) => !id.endsWith(`@${productionEnv}`), {
    error: 'the deployment id of production is the bare name, without "@production"',
  })
  .refine((id) => !id.endsWith(`@${developmentEnv}`), {
    error: 'the environment "development" is for tako dev and is never deployed',
  });

/** A release's version id: `[A-Za-z0-9._-]{1,128}`, neither `.` nor `..`. */
export const versionSchema = z.string().refine(isVersion, { error: `a version has ${nameRules.version}` });

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, { error: 'a SHA-256 is 64 hex digits' });

/** What `acquire_lock` gave; every mutation of a deployment carries it. */
export const lockTokenSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,64}$/, { error: 'a lock token came from acquire_lock' });

export const rolloutIdSchema = z.string().regex(/^[a-z0-9-]{1,64}$/);

/** Routes as text, as in tako.toml (`example.com`, `*.example.com`, `example.com/api/*`); parsed by config. */
export const routesSchema = z
  .array(z.string().min(1).max(limits.routeCharsMax))
  .min(1)
  .max(limits.routesPerEnvMax);

const secretNameSchema = z
  .string()
  .refine(isSecretName, { error: `a secret's name has ${nameRules.secret}` })
  .refine((name) => !isReservedEnvVarName(name), { error: 'PORT, HOST and TAKO_* are set by Tako' });
const secretValueSchema = z.string().max(limits.secretValueBytesMax);

/** Name → plain value. Lives in memory only, sealed before it touches the disk. */
export const secretsSchema = z
  .record(secretNameSchema, secretValueSchema)
  .refine((secrets) => Object.keys(secrets).length <= limits.secretsPerEnvMax, {
    error: `at most ${limits.secretsPerEnvMax} secrets`,
  })
  .refine((secrets) => totalChars(secrets) <= protocolLimits.secretsTotalCharsMax, {
    error: `the secrets of a deployment have at most ${protocolLimits.secretsTotalCharsMax} characters together`,
  });

function totalChars(secrets: Readonly<Record<string, string>>): number {
  return Object.entries(secrets).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** Text that is shown on terminals and kept in the audit: a control character becomes a space. */
export const shownText = (charsMax: number) =>
  z
    .string()
    .max(charsMax)
    .overwrite((text) => text.replaceAll(/\p{Cc}/gu, ' '));

export const deploymentInput = z.strictObject({ deploymentId: deploymentIdSchema });
export const lockedInput = z.strictObject({ deploymentId: deploymentIdSchema, token: lockTokenSchema });

/** Milliseconds since the Unix epoch. */
export const timeMs = z.number().int().nonnegative();
