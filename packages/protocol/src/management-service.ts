// What tako-server must be able to do, one method per procedure. The router calls it; apps/server implements
// it; nobody here knows how. Long work streams events and ends on `signal`.
import type { z } from 'zod';
import type { deploymentInput } from './schemas/common.ts';
import type {
  Lock,
  Unlocked,
  acquireLockInput,
  releaseLockInput,
  renewLockInput,
  unlockInput,
} from './schemas/lock.ts';
import type {
  LogEvent,
  UpgradingLease,
  logsInput,
  maintenanceInput,
  pauseInput,
  putChallengeInput,
  resumeInput,
  upgradingInput,
} from './schemas/operations.ts';
import type {
  CommandEvent,
  Preflight,
  PrepareEvent,
  ReleaseSummary,
  preflightInput,
  prepareReleaseInput,
  releaseLogInput,
  releasesInput,
  runReleaseCommandInput,
} from './schemas/release.ts';
import type {
  RolloutEvent,
  SecretsDigest,
  deleteInput,
  deployInput,
  restartInput,
  revertRolloutInput,
  rollbackInput,
  rolloutInput,
  scaleInput,
  startInput,
  stopInput,
  updateSecretsInput,
} from './schemas/rollout.ts';
import type {
  AuditEntry,
  CertificateStatus,
  DeploymentSummary,
  RouteEntry,
  ServerEvent,
  ServerIdentity,
  ServerStatus,
  addCertificateInput,
  auditInput,
  removeCertificateInput,
  statusInput,
} from './schemas/status.ts';

/** Who calls (as the client states it: the socket's mode is the authentication) and when to give up. */
export interface CallContext {
  readonly caller: string;
  readonly signal: AbortSignal;
}

type In<T extends z.ZodType> = z.output<T>;
type Call<I, O> = (input: I, context: CallContext) => Promise<O>;
type StreamCall<I, E> = (input: I, context: CallContext) => AsyncIterable<E>;

export interface ManagementService {
  serverInfo: Call<undefined, ServerIdentity>;

  acquireLock: Call<In<typeof acquireLockInput>, Lock>;
  renewLock: Call<In<typeof renewLockInput>, Lock>;
  releaseLock: Call<In<typeof releaseLockInput>, void>;
  unlock: Call<In<typeof unlockInput>, Unlocked>;

  preflight: Call<In<typeof preflightInput>, Preflight>;
  prepareRelease: StreamCall<In<typeof prepareReleaseInput>, PrepareEvent>;
  runReleaseCommand: StreamCall<In<typeof runReleaseCommandInput>, CommandEvent>;

  deploy: StreamCall<In<typeof deployInput>, RolloutEvent>;
  rollout: StreamCall<In<typeof rolloutInput>, RolloutEvent>;
  revertRollout: Call<In<typeof revertRolloutInput>, void>;
  rollback: StreamCall<In<typeof rollbackInput>, RolloutEvent>;
  scale: StreamCall<In<typeof scaleInput>, RolloutEvent>;
  restart: StreamCall<In<typeof restartInput>, RolloutEvent>;
  stop: StreamCall<In<typeof stopInput>, RolloutEvent>;
  start: StreamCall<In<typeof startInput>, RolloutEvent>;
  delete: StreamCall<In<typeof deleteInput>, RolloutEvent>;
  updateSecrets: StreamCall<In<typeof updateSecretsInput>, RolloutEvent>;
  secretsDigest: Call<In<typeof deploymentInput>, SecretsDigest>;

  status: Call<In<typeof statusInput>, ServerStatus>;
  list: Call<undefined, DeploymentSummary[]>;
  routes: Call<undefined, RouteEntry[]>;
  releases: Call<In<typeof releasesInput>, ReleaseSummary[]>;
  certificates: Call<undefined, CertificateStatus[]>;
  audit: Call<In<typeof auditInput>, AuditEntry[]>;

  addCertificate: Call<In<typeof addCertificateInput>, CertificateStatus>;
  removeCertificate: Call<In<typeof removeCertificateInput>, void>;

  logs: StreamCall<In<typeof logsInput>, LogEvent>;
  releaseLog: StreamCall<In<typeof releaseLogInput>, LogEvent>;
  events: StreamCall<undefined, ServerEvent>;

  enterUpgrading: Call<In<typeof upgradingInput>, UpgradingLease>;
  exitUpgrading: Call<In<typeof upgradingInput>, void>;
  putChallenge: Call<In<typeof putChallengeInput>, void>;
  pause: Call<In<typeof pauseInput>, void>;
  resume: Call<In<typeof resumeInput>, void>;
  maintenance: Call<In<typeof maintenanceInput>, void>;
  cordon: Call<undefined, void>;
  uncordon: Call<undefined, void>;
}

/** The artifact bytes beside the router: `HEAD|PUT /artifacts/{sha256}`. Content-addressed and resumable. */
export interface ArtifactReceiver {
  /** Bytes already held; `complete` when all of them are there and were verified. */
  offset(sha256: string): Promise<{ offsetBytes: number; complete: boolean }>;
  /**
   * Appends from `offsetBytes`; verifies SHA-256 at `sizeBytes`. Rejects with a TakoError (`ARTIFACT_*`).
   * `body` is pulled, so a slow disk slows the sender, and never holds more than `sizeBytes - offsetBytes`. It ends
   * early, without an error, when the client went away or stalled: keep what came and answer the new offset.
   * `context.signal` aborts only when the upload must end at once; a client that went away does not abort it.
   */
  receive(
    sha256: string,
    range: { offsetBytes: number; sizeBytes: number },
    body: AsyncIterable<Uint8Array>,
    context: CallContext,
  ): Promise<{ offsetBytes: number; complete: boolean }>;
}
