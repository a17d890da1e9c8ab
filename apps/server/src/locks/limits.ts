// Every bound of the deployment locks.

/** A holder that renews every third of it survives two lost messages; a killed one blocks others no longer than this. */
export const lockTtlMs = 30_000;
