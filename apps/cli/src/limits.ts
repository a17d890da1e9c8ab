// Every limit and deadline of the command line, named once. Bytes, milliseconds and counts; knows no logic.

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const second = 1000;
const minute = 60 * second;

export const limits = Object.freeze({
  // Build (spec 30). The server refuses more entries and bytes than these, so the CLI says it before the upload.
  sourceFilesMax: 200_000,
  artifactEntriesMax: 200_000,
  artifactUnpackedBytesMax: 4 * GiB,
  buildStageTimeoutMs: 30 * minute,
  /** Between SIGTERM and SIGKILL of an aborted build stage. */
  buildStopGraceMs: 5 * second,
  /** A stage's last lines, kept for its failure report. */
  buildTailLinesMax: 50,
  outputLineBytesMax: 64 * KiB,
  gitTimeoutMs: 60 * second,
  gitOutputBytesMax: 64 * MiB,
  cacheEntriesMax: 20,
  cacheBytesMax: 2 * GiB,
  /** Files read or copied at the same time. */
  fileConcurrency: 16,

  // SSH (spec 20, reaching a server).
  sshConnectTimeoutS: 30,
  sshAliveIntervalS: 15,
  sshAliveCountMax: 3,
  /** ConnectTimeout covers TCP and banner; a jump host, a token to touch and a passphrase come on top. */
  sshReadyTimeoutMs: 120 * second,
  sshExecTimeoutMs: 60 * second,
  sshExecOutputBytesMax: 4 * MiB,
  /** How long ssh's own words may lag behind the socket error that they explain. */
  sshWordsWaitMs: 300,
  sshStopGraceMs: 2 * second,
  sshStderrBytesMax: 64 * KiB,
  /** sun_path of unix(7) is 108 bytes with its NUL; ssh appends 17 to a ControlPath while it binds. */
  socketPathBytesMax: 88,

  // Deploy.
  lockWaitDefaultMs: 5 * minute,
  lockPollMs: 500,
  heartbeatMs: 10 * second,
  /** `release_command` has 600 s on the server (spec 10); this only guards against a server that went silent. */
  releaseCommandTimeoutMs: 11 * minute,
  prepareTimeoutMs: 30 * minute,
  rolloutTimeoutMs: 60 * minute,
  /** A stream cut in the middle of a rollout is joined again this often, first after this long. */
  rejoinAttemptsMax: 8,
  rejoinDelayMs: 250,
  /** Connections that one upload may take, when ssh breaks under it. */
  uploadConnectionsMax: 5,
  serversConcurrency: 16,

  // Output.
  evidenceLinesMax: 50,
  treeOutputLines: 5,
  treeFrameMs: 80,
  treeRowsMax: 40,

  // Doctor.
  dnsTimeoutMs: 5 * second,
  /** From the connect to an answer, and again for the TLS handshake. */
  portTimeoutMs: 5 * second,
  clockSkewMaxMs: 5 * second,

  // Pause, as the server takes it.
  pauseMinMs: 100,
  pauseMaxMs: 10 * minute,

  // Servers: a restart drains and stops every app first (spec 40), then boots.
  serverReloadTimeoutMs: 60 * second,
  serverRestartTimeoutMs: 3 * minute,
  serverPollMs: 250,

  // Status.
  watchIntervalMinMs: 200,
  watchIntervalMaxMs: 60 * minute,
  /** A server that cannot be reached is asked after 2, 4, … up to 2^n intervals. */
  watchBackoffMax: 4,

  // Input.
  secretBytesMax: 64 * KiB,
  stdinTimeoutMs: 60 * second,
  logLinesDefault: 100,
  logLinesMax: 100_000,
  /** Follow several servers: entries wait this long for older ones of the others. */
  logMergeWindowMs: 250,
  /** And their history is in order when all of it is there, or after this long. */
  logHistoryHoldMs: 3 * second,
  /** Tries in a row that bring no line. */
  logReconnectsMax: 20,
});
