// The rows as the daemon sees them: plain frozen values, JSON columns already parsed.
import type { Manifest } from '@tako/config';

export interface DeploymentRecord {
  readonly id: string;
  readonly app: string;
  readonly env: string;
  /** The release that serves; null before the first successful deploy. */
  readonly currentVersion: string | null;
  /** The last one that served before it. */
  readonly previousVersion: string | null;
  readonly instancesWanted: number;
  readonly stopped: boolean;
  readonly maintenance: boolean;
  readonly routes: readonly string[];
  readonly secretsDigest: string;
  readonly secretNames: readonly string[];
  readonly lastError: { readonly at: number; readonly code: string; readonly message: string } | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type ReleaseState = 'prepared' | 'good' | 'failed';
export interface ReleaseRecord {
  readonly deploymentId: string;
  readonly version: string;
  readonly sha256: string;
  readonly manifest: Manifest;
  readonly state: ReleaseState;
  readonly preparedAt: number;
  readonly deployedAt: number | null;
}

export interface InstanceRecord {
  readonly id: string;
  readonly deploymentId: string;
  readonly version: string;
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly bootId: string;
  readonly port: number | null;
  readonly runDir: string;
  readonly startedAt: number;
}

export type RolloutState = 'running' | 'deployed' | 'rolledBack' | 'interrupted';
export interface RolloutRecord {
  readonly id: string;
  readonly deploymentId: string;
  readonly kind: string;
  /** The recorded plan, enough to finish or revert after a crash. */
  readonly plan: Readonly<Record<string, unknown>>;
  readonly state: RolloutState;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly result: Readonly<Record<string, unknown>> | null;
}

export interface LeaseRecord {
  /** `deployment:{id}`, `upgrading`, `supervisor`. */
  readonly name: string;
  readonly token: string;
  readonly owner: Readonly<Record<string, unknown>>;
  readonly acquiredAt: number;
  readonly expiresAt: number;
}

export interface AuditRecord {
  readonly id: number;
  readonly at: number;
  readonly caller: string;
  readonly procedure: string;
  readonly deploymentId: string | null;
  readonly outcome: 'ok' | 'failed';
  readonly code: string | null;
  readonly detail: string | null;
  readonly durationMs: number;
}

export interface CertificateRecord {
  /** First name; the file name under `certs/`. */
  readonly id: string;
  readonly names: readonly string[];
  readonly source: 'custom' | 'acme' | 'self-signed';
  readonly issuer: string | null;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly lastError: string | null;
  readonly nextTryAt: number | null;
  /** How it was obtained and when it is renewed; null for custom and self-signed ones. */
  readonly acme: AcmeFacts | null;
}

export interface AcmeFacts {
  /** Directory URL of the CA that issued it. */
  readonly directory: string;
  /** By this server's clock. */
  readonly issuedAt: number;
  readonly renewAt: number;
  /** RFC 9773 §4.1; null when the certificate has no authority key identifier. */
  readonly ariId: string | null;
  /** When the CA is asked again for its suggested window; null when it has none. */
  readonly ariNextAt: number | null;
}

/** Keys are files; this says which account at the CA a key has. */
export interface AcmeAccountRecord {
  readonly directory: string;
  readonly url: string;
  /** `mailto:` address as registered; empty for none. */
  readonly email: string;
  readonly createdAt: number;
}

/** What went wrong for a name, and when it is tried again. No row: nothing did. */
export interface AcmeNameRecord {
  readonly name: string;
  readonly failures: number;
  readonly lastTriedAt: number;
  readonly nextTryAt: number;
  readonly lastError: string;
}

/** An order that was placed and not finished; its private key is a file. */
export interface AcmeOrderRecord {
  readonly id: string;
  readonly directory: string;
  readonly names: readonly string[];
  readonly url: string;
  readonly createdAt: number;
}

/** A CA that told us to wait: all of it, or for one set of names. */
export interface AcmePauseRecord {
  readonly scope: string;
  readonly until: number;
  readonly reason: string;
}

export type ChallengeKind = 'http-01' | 'tls-alpn-01';

export interface ChallengeRecord {
  readonly kind: ChallengeKind;
  readonly host: string;
  readonly challenge: string;
  readonly keyAuthorization: string;
  readonly createdAt: number;
}
