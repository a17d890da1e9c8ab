// Every limit of the configuration package, named once. Units last. Tests sit at each limit and past it.

export const limits = Object.freeze({
  /** A label of DNS (RFC 1035 §2.3.4) is 63 octets, and an app's name is one: `{app}.tako.local`. */
  appNameCharsMax: 63,
  envNameCharsMax: 32,
  versionCharsMax: 128,
  /** A host name in text form without the trailing dot (RFC 1035 §2.3.4). */
  hostnameCharsMax: 253,
  routeCharsMax: 2048,
  routesPerEnvMax: 1000,
  subPathCharsMax: 1024,
  argvWordsMax: 256,
  commandCharsMax: 8192,
  envVarsMax: 1000,
  envVarNameCharsMax: 128,
  /** One variable: Linux refuses a single string of `execve` from 128 KiB up (MAX_ARG_STRLEN, execve(2)). */
  envVarValueBytesMax: 64 * 1024,
  secretsPerEnvMax: 500,
  secretNameCharsMax: 128,
  secretValueBytesMax: 64 * 1024,
  instancesMax: 256,
  processesMax: 32,
  streamsMax: 32,
  buildStagesMax: 64,
  globsMax: 256,
  serversMax: 1000,
  environmentsMax: 100,
  commitMessageCharsMax: 4096,
  /** A week. */
  secondsMax: 604_800,
  /** `tako.toml`, the inventory, `app.json`, the secrets file. */
  configFileBytesMax: 1024 * 1024,
  /** Our deepest key is at level 6. */
  tomlDepthMax: 64,
  manifestBytesMax: 16 * 1024 * 1024,
  secretsFileBytesMax: 64 * 1024 * 1024,
  /** Leaf and issuers of one certificate. */
  certificateChainMax: 10,
  certificateBytesMax: 256 * 1024,
  certificateKeyBytesMax: 64 * 1024,
  /** A certificate made just now, where the clock of whoever made it is ahead. */
  certificateClockSkewMs: 5 * 60_000,
  /** A file with hundreds of mistakes is another kind of file; the rest is counted. */
  problemsReportedMax: 100,
});
