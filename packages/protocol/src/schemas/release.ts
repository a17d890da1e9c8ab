// Preparing a release: preflight, prepare_release, run_release_command, releases, release_log.
import { manifestSchema, productionEnv } from '@tako/config';
import { z } from 'zod';
import {
  deploymentIdSchema,
  deploymentInput,
  lockTokenSchema,
  routesSchema,
  secretsSchema,
  sha256Schema,
  timeMs,
  versionSchema,
} from './common.ts';

export const preflightInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  routes: routesSchema,
  /** Node's names: `x64`, `arm64`. The target the artifact was or will be built for. */
  arch: z.string().regex(/^[a-z0-9_]{1,32}$/, { error: 'an arch like x64 or arm64' }),
  /** Bytes of the artifact when it is known already, else 0. */
  artifactBytes: z.number().int().nonnegative(),
});

export const problemSchema = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning']),
  message: z.string(),
  hint: z.string().nullable(),
});
export type Problem = z.infer<typeof problemSchema>;
export const preflightOutput = z.object({ problems: z.array(problemSchema) });
export type Preflight = z.infer<typeof preflightOutput>;

export const prepareReleaseInput = z
  .strictObject({
    deploymentId: deploymentIdSchema,
    token: lockTokenSchema,
    version: versionSchema,
    sha256: sha256Schema,
    sizeBytes: z.number().int().positive(),
    manifest: manifestSchema,
  })
  .refine((input) => input.manifest.version === input.version, {
    path: ['manifest', 'version'],
    error: 'the version of the release',
  })
  .refine((input) => nameOf(input.manifest) === input.deploymentId, {
    path: ['manifest', 'app'],
    error: 'the app and env of the deployment id',
  });

function nameOf(manifest: { readonly app: string; readonly env: string }): string {
  return manifest.env === productionEnv ? manifest.app : `${manifest.app}@${manifest.env}`;
}

export type PreparePhase = 'verify' | 'extract' | 'runtime' | 'install' | 'seal';
/** `prepared` is always the last event of a success; `existing` tells that the release was there already. */
export type PrepareEvent =
  | { type: 'phase'; phase: PreparePhase; at: number }
  | { type: 'output'; stream: 'stdout' | 'stderr'; text: string }
  | { type: 'prepared'; version: string; existing: boolean; durationMs: number };

export const runReleaseCommandInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  token: lockTokenSchema,
  version: versionSchema,
  /** Secrets the command runs with; absent = those now stored. */
  secrets: secretsSchema.optional(),
});
export type CommandEvent =
  | { type: 'output'; stream: 'stdout' | 'stderr'; text: string }
  | { type: 'exited'; exitCode: number | null; signal: string | null; timedOut: boolean; durationMs: number };

export const releasesInput = deploymentInput;
export const releaseSummarySchema = z.object({
  version: z.string(),
  state: z.enum(['prepared', 'good', 'failed']),
  current: z.boolean(),
  sha256: z.string(),
  /** `manifestDigest` of the release's app.json: tells whether a deploy of that version would be another release. */
  manifestSha256: z.string(),
  preparedAt: timeMs,
  deployedAt: timeMs.nullable(),
  commit: z.string().nullable(),
  commitMessage: z.string().nullable(),
  dirty: z.boolean(),
});
export type ReleaseSummary = z.infer<typeof releaseSummarySchema>;

export const releaseLogInput = z.strictObject({ deploymentId: deploymentIdSchema, version: versionSchema });
