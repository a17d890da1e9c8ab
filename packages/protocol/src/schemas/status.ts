// What runs: server_info, status, list, routes, audit, certificates, events.
import { limits } from '@tako/config';
import { z } from 'zod';
import { deploymentIdSchema, timeMs } from './common.ts';

export interface ServerIdentity {
  readonly pid: number;
  readonly version: string;
  readonly protocol: number;
  readonly mode: 'normal' | 'upgrading' | 'stopping';
  readonly lastReload: { readonly at: number; readonly ok: boolean; readonly reason: string | null } | null;
  readonly uptimeMs: number;
  readonly startedAt: number;
  readonly workers: readonly {
    readonly pid: number;
    readonly generation: number;
    readonly snapshotVersion: number;
    readonly state: string;
  }[];
  readonly ports: {
    readonly http: readonly string[];
    readonly https: readonly string[];
    /** Where metrics are scraped; empty when they are off. */
    readonly metrics: readonly string[];
  };
  readonly dataDir: string;
  readonly acme: 'on' | 'staging' | 'off';
  readonly standby: boolean;
  readonly machine: {
    readonly hostname: string;
    readonly arch: string;
    readonly libc: 'glibc' | 'musl';
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly os: string;
    readonly node: string;
  };
}

export const statusInput = z.strictObject({ deploymentId: deploymentIdSchema.optional() });

export type InstanceState = 'starting' | 'ready' | 'healthy' | 'unhealthy' | 'draining' | 'stopped';
export interface InstanceStatus {
  readonly id: string;
  readonly version: string;
  readonly state: InstanceState;
  readonly pid: number | null;
  readonly port: number | null;
  readonly startedAt: number;
  /** Resident bytes of its process and of what that started; null where they could not be read. */
  readonly memoryBytes: number | null;
  readonly inFlight: number;
  readonly lastProbe: { readonly at: number; readonly ok: boolean; readonly reason: string | null } | null;
}
/** Every build that runs at the moment: more than one during a rollout. */
export interface BuildStatus {
  readonly version: string;
  readonly current: boolean;
  readonly instances: readonly InstanceStatus[];
}
export type DeploymentMode = 'running' | 'idle' | 'stopped' | 'crash_loop' | 'paused' | 'maintenance';
export interface DeploymentStatus {
  readonly deploymentId: string;
  readonly app: string;
  readonly env: string;
  readonly version: string | null;
  readonly mode: DeploymentMode;
  readonly instancesWanted: number;
  readonly routes: readonly string[];
  readonly builds: readonly BuildStatus[];
  /** Of all its instances; null where none runs. */
  readonly memoryBytes: number | null;
  readonly inFlight: number;
  /** Requests that ended in the last ten seconds, per second. */
  readonly requestsPerSecond: number;
  readonly restartsLastMinute: number;
  readonly rollout: {
    readonly id: string;
    readonly kind: string;
    readonly to: string | null;
    readonly startedAt: number;
  } | null;
  readonly lastError: { readonly at: number; readonly code: string; readonly message: string } | null;
  /** What TLS serves for each host of its routes. */
  readonly certificates: readonly HostCertificate[];
}
export interface ServerStatus {
  readonly server: ServerIdentity;
  readonly deployments: readonly DeploymentStatus[];
}

export interface DeploymentSummary {
  readonly deploymentId: string;
  readonly app: string;
  readonly env: string;
  readonly version: string | null;
  readonly instancesWanted: number;
}
export interface RouteEntry {
  readonly route: string;
  readonly deploymentId: string;
}

export const auditInput = z.strictObject({
  deploymentId: deploymentIdSchema.optional(),
  limit: z.number().int().min(1).max(1000).default(100),
});
export const auditEntrySchema = z.object({
  id: z.number(),
  at: timeMs,
  caller: z.string(),
  procedure: z.string(),
  deploymentId: z.string().nullable(),
  outcome: z.enum(['ok', 'failed']),
  code: z.string().nullable(),
  detail: z.string().nullable(),
  durationMs: z.number(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/**
 * `expiring`: a given one that ends within two weeks. `failing`: the last try to have or renew it went wrong. `pending`:
 * its CA is being asked. `unused`: no route wants it any more. `self-signed`: nobody is to be asked for another.
 */
export type CertificateState =
  'valid' | 'expiring' | 'expired' | 'failing' | 'pending' | 'unused' | 'self-signed';
export interface CertificateStatus {
  readonly names: readonly string[];
  readonly source: 'custom' | 'acme' | 'self-signed';
  readonly state: CertificateState;
  readonly issuer: string | null;
  readonly notAfter: number | null;
  readonly lastError: string | null;
  readonly nextTryAt: number | null;
}
/** Of one host of a deployment's routes: the self-signed one while there is no other. */
export interface HostCertificate extends Omit<CertificateStatus, 'names'> {
  readonly host: string;
}
export const addCertificateInput = z.strictObject({
  /** PEM, leaf first, then the chain. */
  certificate: z.string().min(1).max(limits.certificateBytesMax),
  /** PEM, unencrypted. */
  privateKey: z.string().min(1).max(limits.certificateKeyBytesMax),
});
export const removeCertificateInput = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9.*_-]{1,253}$/, { error: 'a host name of the certificate' }),
});

/** `type: 'skipped'` with `facts.count` stands for events that a slow reader missed. */
export interface ServerEvent {
  readonly at: number;
  readonly type: string;
  readonly deploymentId: string | null;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}
