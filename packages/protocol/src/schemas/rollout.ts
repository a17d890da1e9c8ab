// Rollouts: deploy and everything else that swaps instances, and the events they report.
import { z } from 'zod';
import {
  deploymentIdSchema,
  lockTokenSchema,
  lockedInput,
  rolloutIdSchema,
  routesSchema,
  secretsSchema,
  versionSchema,
} from './common.ts';

export const deployInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  token: lockTokenSchema,
  version: versionSchema,
  routes: routesSchema,
  /** Present = replace as part of the rollout, reverted with it; absent = keep. */
  secrets: secretsSchema.optional(),
});
export const rolloutInput = z.strictObject({ rolloutId: rolloutIdSchema });
export const revertRolloutInput = z.strictObject({ rolloutId: rolloutIdSchema });
export const rollbackInput = lockedInput.extend({ version: versionSchema.optional() });
export const scaleInput = lockedInput.extend({ instances: z.number().int().min(0).max(256) });
export const restartInput = lockedInput;
export const stopInput = lockedInput;
export const startInput = lockedInput;
export const deleteInput = lockedInput;
export const updateSecretsInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  token: lockTokenSchema,
  secrets: secretsSchema,
});
export const secretsDigestSchema = z.object({ digest: z.string(), names: z.array(z.string()) });
export type SecretsDigest = z.infer<typeof secretsDigestSchema>;

export type RolloutKind =
  'deploy' | 'rollback' | 'scale' | 'restart' | 'stop' | 'start' | 'delete' | 'secrets';

/** Why a new instance did not get healthy: the facts a person needs at 3 a.m. (spec 20, "never opaque"). */
export interface FailureEvidence {
  readonly instance: string;
  readonly phase: 'spawn' | 'readiness' | 'health' | 'stability' | 'drain';
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly probe: {
    readonly url: string;
    readonly status: number | null;
    readonly firstBytes: string | null;
    readonly error: string | null;
  } | null;
  /** Where the process listens, when that is not where it should: `127.0.0.1:5173, expected $PORT = 41023`. */
  readonly listening: string | null;
  /** The last lines of the app's output, at most 50. */
  readonly lastLines: readonly string[];
}

/** The last event is `deployed`, `rolledBack` or `unchanged`; a stream that ends without one was cut. */
export type RolloutEvent =
  | {
      type: 'started';
      rolloutId: string;
      kind: RolloutKind;
      from: string | null;
      to: string | null;
      steps: number;
      at: number;
    }
  | { type: 'step'; index: number; of: number; instance: string; version: string; state: string; at: number }
  | { type: 'drained'; instance: string; endedStreams: number; cutConnections: number; durationMs: number }
  | { type: 'reverting'; reason: string; at: number }
  | { type: 'warning'; code: string; message: string }
  | {
      type: 'deployed';
      rolloutId: string;
      version: string | null;
      urls: string[];
      instances: number;
      endedStreams: number;
      cutConnections: number;
      durationMs: number;
    }
  | {
      type: 'rolledBack';
      rolloutId: string;
      code: string;
      reason: string;
      evidence: FailureEvidence | null;
      durationMs: number;
    }
  | { type: 'unchanged'; reason: string };
