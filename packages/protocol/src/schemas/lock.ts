// The deployment lock: one holder per deployment id, a durable row that expires (spec 30, step 3).
import { z } from 'zod';
import { deploymentIdSchema, lockedInput, shownText, timeMs } from './common.ts';

export const lockHolderSchema = z.strictObject({
  user: shownText(128),
  host: shownText(255),
  pid: z.number().int().nonnegative(),
  command: shownText(1024),
});
export type LockHolder = z.infer<typeof lockHolderSchema>;

export const acquireLockInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  holder: lockHolderSchema,
});
export const renewLockInput = lockedInput;
export const releaseLockInput = lockedInput;
export const unlockInput = z.strictObject({
  deploymentId: deploymentIdSchema,
  reason: shownText(1024).optional(),
});

/** `ttlMs`: the holder renews well within it; the client does so every third of it. */
export const lockSchema = z.object({ token: z.string(), expiresAt: timeMs, ttlMs: z.number() });
export type Lock = z.infer<typeof lockSchema>;

export const unlockedSchema = z.object({
  previous: lockHolderSchema.extend({ acquiredAt: timeMs }).nullable(),
});
export type Unlocked = z.infer<typeof unlockedSchema>;
