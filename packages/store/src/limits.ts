// Every bound of the store in one place; each has a test at it and past it.

/** How long a statement waits for another process's write lock before STATE_UNAVAILABLE. */
export const BUSY_TIMEOUT_MS = 5_000;

/** The newest backups that are kept (spec 40, State). */
export const BACKUPS_KEPT = 7;

/** Corrupt files moved aside that are kept for a post-mortem. */
export const CORRUPT_FILES_KEPT = 3;

/** Audit rows kept; the oldest go first. */
export const AUDIT_ROWS_MAX = 10_000;

/** A backup or an integrity check that takes longer than this is given up. */
export const STATE_TASK_TIMEOUT_MS = 10 * 60_000;

/** Pages the WAL may grow to before it is folded back (4 MiB of 4 KiB pages). */
export const WAL_AUTOCHECKPOINT_PAGES = 1_000;
