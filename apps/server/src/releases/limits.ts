// Every bound of preparing and keeping releases.

export const releaseLimits = Object.freeze({
  /** Spec 30, Extraction. */
  entriesMax: 200_000,
  unpackedBytesMax: 4 * 1024 ** 3,
  /** What headers, padding and the end of the archive may add to the contents. */
  tarOverheadBytesMax: 1024 ** 3,
  /** 200,000 small files take a minute; anything that takes so long hangs. */
  extractTimeoutMs: 600_000,
  /** PATH_MAX is 4096 (limits.h) and the release's own directory comes before it. */
  entryPathBytesMax: 2048,
  /** NAME_MAX (limits.h). */
  segmentBytesMax: 255,
  /** As the kernel gives up (path_resolution(7), MAXSYMLINKS). */
  linkHopsMax: 40,

  /** Spec 30: `npm ci` and its like; `release_command`. */
  installTimeoutMs: 600_000,
  releaseCommandTimeoutMs: 600_000,
  /** The last lines of a failed install that go into its error. */
  failureLinesMax: 50,
  /** syncfs(2) of a busy disk. */
  syncTimeoutMs: 120_000,
  /** Removing a tree with as many files as a release may have. */
  removeTimeoutMs: 300_000,

  /** Spec 30: prune. */
  releaseAgeMaxMs: 30 * 24 * 3_600_000,
  releasesMax: 10,
});
