// Every bound of the programs that the daemon runs for a release.

export const programLimits = Object.freeze({
  /** From SIGTERM to SIGKILL. */
  graceMs: 5_000,
  /** After the exit, for output that a process which escaped still holds open. */
  outputDrainMs: 1_000,
  lineBytesMax: 8 * 1024,
  /** Lines waiting for a slow reader; more are dropped and counted, so that nobody's terminal holds up a migration. */
  queueLinesMax: 10_000,
  /** What is kept of a helper's stderr for the error. */
  helperOutputCharsMax: 4_096,
});
