// The store as the daemon uses it: small repositories, all synchronous, all inside one SQLite file.
import type {
  AcmeAccountRecord,
  AcmeNameRecord,
  AcmeOrderRecord,
  AcmePauseRecord,
  AuditRecord,
  CertificateRecord,
  ChallengeRecord,
  DeploymentRecord,
  InstanceRecord,
  LeaseRecord,
  ReleaseRecord,
  RolloutRecord,
} from './records.ts';

export interface DeploymentRepository {
  get(id: string): DeploymentRecord | undefined;
  list(): DeploymentRecord[];
  /** Inserts or replaces, routes included. Throws ROUTE_CONFLICT (details: route, owner) when a route belongs to another id. */
  put(record: DeploymentRecord): void;
  /** Takes releases, instances, routes and rollouts with it. */
  delete(id: string): void;
  /** Who owns each of these routes, other than `except`. */
  routeOwners(routes: readonly string[], except: string): { route: string; deploymentId: string }[];
  allRoutes(): { route: string; deploymentId: string }[];
}

export interface ReleaseRepository {
  get(deploymentId: string, version: string): ReleaseRecord | undefined;
  /** Newest first. */
  list(deploymentId: string): ReleaseRecord[];
  put(record: ReleaseRecord): void;
  delete(deploymentId: string, version: string): void;
  /** SHA-256 of every artifact that a release refers to, each once; releases without a deployment included. */
  artifacts(): string[];
}

export interface InstanceRepository {
  list(deploymentId?: string): InstanceRecord[];
  put(record: InstanceRecord): void;
  delete(id: string): void;
}

export interface RolloutRepository {
  get(id: string): RolloutRecord | undefined;
  running(): RolloutRecord[];
  latest(deploymentId: string): RolloutRecord | undefined;
  put(record: RolloutRecord): void;
  /** Keeps the newest `keep` of a deployment. */
  prune(deploymentId: string, keep: number): void;
}

export type LeaseOutcome =
  | { readonly kind: 'acquired'; readonly lease: LeaseRecord }
  | { readonly kind: 'held'; readonly by: LeaseRecord };

export interface LeaseRepository {
  get(name: string, nowMs: number): LeaseRecord | undefined;
  /** Atomic: taken when free, expired, or held with the same token. */
  acquire(lease: LeaseRecord, nowMs: number): LeaseOutcome;
  /** False when the token no longer holds it. */
  renew(name: string, token: string, expiresAt: number, nowMs: number): boolean;
  release(name: string, token: string): boolean;
  /** Whoever holds it. */
  force(name: string): LeaseRecord | undefined;
  list(prefix: string, nowMs: number): LeaseRecord[];
}

export interface AuditRepository {
  append(record: Omit<AuditRecord, 'id'>): void;
  /** Newest first. */
  list(filter: { deploymentId?: string | undefined; limit: number }): AuditRecord[];
}

export interface CertificateRepository {
  list(): CertificateRecord[];
  get(id: string): CertificateRecord | undefined;
  put(record: CertificateRecord): void;
  delete(id: string): void;
}

export interface ChallengeRepository {
  list(): ChallengeRecord[];
  /** `http-01` unless said otherwise. */
  put(record: Omit<ChallengeRecord, 'kind'> & Partial<Pick<ChallengeRecord, 'kind'>>): void;
  delete(host: string, challenge: string): void;
}

export interface AcmeAccountRepository {
  get(directory: string): AcmeAccountRecord | undefined;
  put(record: AcmeAccountRecord): void;
  delete(directory: string): void;
}

export interface AcmeNameRepository {
  list(): AcmeNameRecord[];
  put(record: AcmeNameRecord): void;
  delete(name: string): void;
}

export interface AcmeOrderRepository {
  list(): AcmeOrderRecord[];
  get(id: string): AcmeOrderRecord | undefined;
  put(record: AcmeOrderRecord): void;
  delete(id: string): void;
}

export interface AcmePauseRepository {
  /** Those that have not ended. */
  list(nowMs: number): AcmePauseRecord[];
  put(record: AcmePauseRecord): void;
  /** Forgets those that ended. */
  sweep(nowMs: number): void;
}

export interface StateRepository {
  get(key: string): string | undefined;
  put(key: string, value: string): void;
  delete(key: string): void;
}

export interface Store {
  readonly deployments: DeploymentRepository;
  readonly releases: ReleaseRepository;
  readonly instances: InstanceRepository;
  readonly rollouts: RolloutRepository;
  readonly leases: LeaseRepository;
  readonly audit: AuditRepository;
  readonly certificates: CertificateRepository;
  readonly challenges: ChallengeRepository;
  readonly acmeAccounts: AcmeAccountRepository;
  readonly acmeNames: AcmeNameRepository;
  readonly acmeOrders: AcmeOrderRepository;
  readonly acmePauses: AcmePauseRepository;
  readonly state: StateRepository;
  /** All or nothing, BEGIN IMMEDIATE. Nested calls join the outer one. */
  transaction<T>(work: () => T): T;
  /** Makes held migrations durable, with everything written since. Throws STATE_UNAVAILABLE; then nothing is. */
  settle(): void;
  /** From now on a write that another process's would have to wait for fails at once: nothing here may block any more. */
  stopWaiting(): void;
  close(): void;
}
