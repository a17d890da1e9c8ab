// Every limit and deadline of the control process, each with the reason for its number.

/** A worker that does not acknowledge a snapshot for so long hangs; it is killed and replaced. */
export const snapshotAckTimeoutMs = 10_000;
/** Node starts in about 100 ms; ten times that twice over for a busy machine. */
export const workerStartTimeoutMs = 20_000;
/** A worker starts its sibling and says so; it needs a little longer than the sibling itself. */
export const siblingTimeoutMs = workerStartTimeoutMs + 2_000;
/** How long a replaced worker waits after repeated deaths, at most. */
export const workerRestartDelayMaxMs = 5_000;
/** One message on the worker's line: 10,000 routes with their policies fit in 8 MiB. */
export const workerLineBytesMax = 64 * 1024 * 1024;
/** What a worker may say after its drain deadline before it counts as silent. */
export const drainReportGraceMs = 2_000;
/** spec 40: an upgrade that does not renew for so long is over. */
export const upgradingTtlMs = 600_000;
/** spec 50, TLS: session ticket keys change every 12 h. */
export const ticketKeysIntervalMs = 43_200_000;
/** Tickets live for two hours (`tlsProfile`): those of the keys before are taken for as long, so that none is lost. */
export const previousTicketKeysMs = 7_200_000;
/** After a boot; what it restores behind READY is under way by then. */
export const bootGarbageDelayMs = 3_000;
/** spec 40: backups are daily. */
export const upkeepIntervalMs = 86_400_000;
/** A handoff waits so long for calls that write: a release that is being prepared, above all. */
export const callsEndTimeoutMs = 120_000;
/** spec 40, Logs: 10 MiB in five files, the current one included. */
export const accessLogBytesMax = 10 * 1024 * 1024;
export const accessLogFilesMax = 5;
export const accessLogCheckMs = 5_000;
/** Idle apps are looked for this often. */
export const idleSweepMs = 500;
/** At a stop connections are still answered for so long, with `Connection: close`, before idle ones are closed. */
export const stopLameDuckMs = 250;
/** A worker that leaves waits so long for the control process to have read its last words. */
export const lastWordTimeoutMs = 1_000;
/** Old workers answer on their connections for so long before idle ones are closed (spec 40, Handoff). */
export const lameDuckMs = 2_000;
/** The old management socket answers for so long after the link has moved: who had looked it up is still on the way. */
export const managementLameDuckMs = 500;
/** What is asked by then is answered within this; log followers and other streams end. */
export const managementDrainMs = 2_000;
/** The successor reads its options and loads its code: about 300 ms, on a busy machine ten times that. */
export const handoffPreparedTimeoutMs = 15_000;
/** From `released` to `ready`: open state, adopt, start workers. Nobody supervises meanwhile. */
export const handoffReadyTimeoutMs = 30_000;
/** The predecessor answers `ready` at once; when it does not, the successor goes on all the same. */
export const handoffAnnounceTimeoutMs = 2_000;
/** Between the end of a successor's channel and its exit. */
export const successorExitWaitMs = 500;
/** How long a successor waits for its predecessor: a rollout that is under way ends first. */
export const handoffReleaseTimeoutMs = 60_000;
/** spec 40: a standby acts after so many looks without an answer; each waits so long for one. */
export const standbyMissesMax = 3;
export const standbyAnswerTimeoutMs = 2_000;
/** Generations of workers that may live at once; the oldest is cut. */
export const generationsMax = 3;
/** A worker whose line ended is dead within a moment; after this long it is killed. */
export const workerExitWaitMs = 2_000;
export const workerExitPollMs = 10;
/** What a worker may take beyond its drain time before it is killed. */
export const workerStopGraceMs = 2_000;
/** Events kept for a re-join of one rollout. */
export const rolloutEventsMax = 5_000;
/** Finished rollouts kept for a re-join, over all deployments. */
export const finishedRolloutsMax = 100;
/** Rows of rollouts kept per deployment. */
export const rolloutRowsMax = 50;
/** Server events buffered per reader; a slower one loses the oldest and is told. */
export const eventBufferMax = 1_000;
/** Lines of a failed start kept as the release's log. */
export const startOutputLinesMax = 2_000;
/** Instances that may start at the same time at boot: two a core would be slower, not faster. */
export const restoreConcurrency = 4;
/** An adopted instance that answers no probe for so long does not hold the boot up: a probe times out in 2 s. */
export const adoptionProbeMs = 2_500;
/** SIGTERM to SIGKILL for instances of a daemon that died. */
export const leftoverGraceMs = 5_000;
/** Looks for left-over programs that fork while they are killed, and the time between two. */
export const leftoverKillsMax = 20;
export const leftoverKillPauseMs = 20;
/** Counters are saved this often; planes tell totals, so that an older save loses nothing that lives on. */
export const metricsSaveIntervalMs = 10_000;
/** A scraper asks within milliseconds, and keeps its connection at most for its next scrape. */
export const metricsRequestTimeoutMs = 10_000;
export const metricsConnectionsMax = 64;
/** Scrapers that were accepted are answered within so long before a successor answers. */
export const metricsCloseTimeoutMs = 1_000;
