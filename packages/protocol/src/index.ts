// Public names of the protocol: what its messages are, and the interface a server implements. Loads zod, but neither tRPC
// nor a transport. Each name is a promise to scripts, so each stands here and in public-surface.test.ts.
export { PROTOCOL_VERSION } from './protocol-version.ts';
export { protocolLimits, type ProtocolLimits } from './limits.ts';
export type { ArtifactReceiver, CallContext, ManagementService } from './management-service.ts';
export { lockHolderSchema, type Lock, type LockHolder, type Unlocked } from './schemas/lock.ts';
export type { LogEntry, LogEvent, LogsInput, UpgradingLease } from './schemas/operations.ts';
export type {
  CommandEvent,
  Preflight,
  PrepareEvent,
  PreparePhase,
  Problem,
  ReleaseSummary,
} from './schemas/release.ts';
export type { FailureEvidence, RolloutEvent, RolloutKind, SecretsDigest } from './schemas/rollout.ts';
export type {
  AuditEntry,
  BuildStatus,
  CertificateState,
  CertificateStatus,
  DeploymentMode,
  DeploymentStatus,
  DeploymentSummary,
  HostCertificate,
  InstanceState,
  InstanceStatus,
  RouteEntry,
  ServerEvent,
  ServerIdentity,
  ServerStatus,
} from './schemas/status.ts';
