// Every bound of fetching and keeping runtimes.

export const runtimeLimits = Object.freeze({
  /** From the first question to the finished directory; Bun has 50 MB, Node 57. */
  installTimeoutMs: 600_000,
  /** Until the registry answers a question with its head. */
  answerTimeoutMs: 60_000,
  /** All versions of `npm` are 3 MB of JSON. */
  metadataBytesMax: 64 * 1024 * 1024,
  tarballBytesMax: 512 * 1024 * 1024,
  unpackedBytesMax: 2 * 1024 ** 3,
  /** How often a wait for another process's install looks again. */
  lockPollMs: 200,
  /** Half-made directories of a crash are removed when they are as old as no install can be. */
  leftoverAgeMaxMs: 2 * 600_000,
  /** A version that no release needs and no preparation asked for goes after so long. */
  unusedAgeMaxMs: 30 * 24 * 3_600_000,
  /** A user's package cache that is larger is emptied; the next install fills it again. */
  cacheBytesMax: 2 * 1024 ** 3,
  measureTimeoutMs: 120_000,
});
