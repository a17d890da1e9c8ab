// Every bound and deadline that the supervisor enforces, with the reason for its size. What a spec decides (probe
// intervals, graces, time-outs) comes with InstanceSpec instead.

export const limits = {
  /** Spec 40: app lines are cut here. */
  lineBytesMax: 64 * 1024,
  /** Spec 40: above this the lines of an instance are dropped with a counted marker. */
  outputBytesPerSecondMax: 20_000_000,
  /**
   * And above this many lines: formatting them is what costs (about 5 µs each), and one flooding app must neither
   * starve the daemon nor wait for it. Measured with lines of 120 bytes and 1 GB: 45 MiB/s at 200,000, 113 at 50,000.
   */
  outputLinesPerSecondMax: 50_000,
  outputWindowMs: 1_000,
  /** One read of a FIFO; its kernel buffer is 64 KiB (pipe(7)). */
  outputReadBytes: 32 * 1024,
  /** FIFOs may be held open by processes that escaped; after this nobody waits for their end. */
  outputDrainMs: 1_000,

  /** A refused or reset probe is often the first sign of an exit that is reported a moment later. */
  evidenceExitMs: 250,
  evidenceLinesMax: 50,
  evidenceLineCharactersMax: 2_048,
  evidenceListenersMax: 5,

  /** Spec 40: bytes read of a probe's answer. */
  probeBodyBytesMax: 4 * 1024,
  probeHeaderBytesMax: 16 * 1024,
  probeFirstCharactersMax: 200,
  /** A good head decides; this long its body may take to end politely before the probe hangs up. */
  probeBodyMs: 250,
  /** The last probe of a start has at least this long, even past the deadline of the start. */
  lastProbeMs: 500,
  /** Prompted probes (`suspect`) are not closer together than this. */
  suspectGapMs: 100,

  /** Children left behind by a crashed leader get this long between SIGTERM and SIGKILL. */
  orphanGraceMs: 2_000,
  /** Look for the last members of a group this often while they have their grace. */
  groupPollMs: 50,
  /** After SIGKILL only the kernel can hold a process (state D); then it is reported and left. */
  killWaitMs: 5_000,
  /** Spec 40: the exit of an adopted instance is noticed within 250 ms. */
  adoptedPollMs: 100,
  makeFifosMs: 5_000,

  memoryPollMs: 1_000,
  /** Between SIGTERM and SIGKILL for an app over its memory limit: it may still finish requests. */
  memoryGraceMs: 2_000,

  logFileBytesMax: 10 * 1024 * 1024,
  /** current.log and current.log.1 … .4 */
  logFilesMax: 5,
  logQueueBytesMax: 8 * 1024 * 1024,
  logBatchBytesMax: 1024 * 1024,
  logRetryMs: 1_000,
  logCloseMs: 5_000,
  logFollowersMax: 64,
  /** What a slow reader may have waiting, in entries and in characters of text. */
  logFollowerEntriesMax: 10_000,
  logFollowerCharactersMax: 4 * 1024 * 1024,
  logReadChunkBytes: 256 * 1024,
  /** A line of 64 KiB whose every byte is escaped as \u00XX, and its other fields. */
  logStoredLineBytesMax: 512 * 1024,
  logHistoryLinesMax: 100_000,

  backoffFirstMs: 500,
  backoffMaxMs: 60_000,
  /** An instance that ran this long was stable: counting starts over. */
  backoffStableMs: 60_000,
  crashLoopExits: 5,
  crashLoopWindowMs: 60_000,

  /** Spec 40: a released port rests this long, and until every worker forgot it. */
  portRestMs: 60_000,
  portsMax: 10_000,
} as const;
