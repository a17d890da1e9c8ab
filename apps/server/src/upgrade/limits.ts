// Every bound of an upgrade, each with the reason for its number.

export const upgradeLimits = Object.freeze({
  /** spec 40: the lease of 600 s is renewed every 60 s. */
  renewIntervalMs: 60_000,
  /** A daemon answers within 1 s of its start; this is what a restart by the service manager may take on top. */
  connectTimeoutMs: 20_000,
  answerTimeoutMs: 10_000,
  /** How often the running server is asked how far it is. */
  pollIntervalMs: 100,
  /** Calls that write end first (120 s), the successor prepares (15 s) and takes over (30 s): limits.ts of the daemon. */
  handoffTimeoutMs: 180_000,
  /** Apps go on through a handoff; each only has to answer the new daemon's probe. */
  healthyTimeoutMs: 60_000,
  /** Unpacking 200 MB and a first start of the build, on a slow disk. */
  unpackTimeoutMs: 300_000,
  /** Of a build's BUILD file, a few lines. */
  buildFileBytesMax: 4_096,
  /** Builds kept: the running one, the one before it, one more. */
  buildsKept: 3,
});
