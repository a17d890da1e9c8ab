// Operators' switches: upgrading mode, challenges, pause, maintenance, cordon; and log reading.
import { z } from 'zod';
import { deploymentIdSchema, lockedInput, timeMs } from './common.ts';

export const upgradingInput = z.strictObject({ owner: z.string().regex(/^[A-Za-z0-9._:@-]{8,128}$/) });
export const upgradingLeaseSchema = z.object({ owner: z.string(), expiresAt: timeMs });
export type UpgradingLease = z.infer<typeof upgradingLeaseSchema>;

/** RFC 8555 §8.3: served at `/.well-known/acme-challenge/{challenge}`; `null` removes it. */
export const putChallengeInput = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9.:[\]_-]{1,253}$/, { error: 'a host name or address' }),
  challenge: z.string().regex(/^[A-Za-z0-9_-]{1,256}$/),
  /** RFC 8555 §8.1: token, a dot, thumbprint; sent back as it is, so nothing but visible ASCII. */
  keyAuthorization: z
    .string()
    .regex(/^[\x21-\x7e]{1,1024}$/, { error: 'visible ASCII, 1-1024 characters' })
    .nullable(),
});

export const pauseInput = lockedInput.extend({
  maxMs: z.number().int().min(100).max(600_000).default(30_000),
});
export const resumeInput = lockedInput;
export const maintenanceInput = lockedInput.extend({ on: z.boolean() });

/** A place in a log, given with each event and given back to go on from there. Grows; means nothing else to a client. */
const logPosition = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const logsInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  /** Lines of history before following, at most. */
  lines: z.number().int().min(0).max(100_000).default(100),
  /** Only entries at or after this time (ms since the epoch). */
  since: timeMs.optional(),
  /** Instead of both: everything behind the position of the last event that was received, however much it is. */
  after: logPosition.optional(),
  follow: z.boolean().default(false),
});
export type LogsInput = z.output<typeof logsInput>;
export interface LogEntry {
  readonly type: 'entry';
  readonly position: number;
  readonly at: number;
  readonly stream: 'stdout' | 'stderr' | 'tako';
  readonly instance: string;
  readonly version: string;
  readonly text: string;
}
export type LogEvent =
  | LogEntry
  /** This reader misses lines: it was too slow, or (null: how many is not known) they were rotated away before it came. */
  | { readonly type: 'skipped'; readonly position: number; readonly lines: number | null }
  /** With `follow`, once: the history ends here, what comes now is new. */
  | { readonly type: 'following'; readonly position: number };
