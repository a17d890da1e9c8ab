// What the issuer remembers, as one interface: this server's files and SQLite implement it, and a database that several
// servers share can (docs/decisions/0015). Everything is awaited, nothing is assumed to be fast, and every write stands
// on its own: no two calls need to be one transaction, save `locks.acquire`.
import type {
  AcmeFacts,
  AcmeNameRecord,
  AcmeOrderRecord,
  AcmePauseRecord,
  ChallengeRecord,
} from '@tako/store';
import type { CertificateFacts } from '@tako/config/certificate';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import type { CertificatePair } from '@tako/config/certificate';

export interface Account {
  readonly directory: string;
  /** PEM. */
  readonly key: string;
  /** null: the key is not registered yet. */
  readonly url: string | null;
  readonly email: string;
}

export interface AccountStorage {
  /** Makes and keeps a key when there is none: two servers that ask at once get the same one. */
  open(directory: string): Promise<Account>;
  put(account: Pick<Account, 'directory' | 'email'> & { readonly url: string }): Promise<void>;
  /** The CA does not know it any more; its key stays. */
  forget(directory: string): Promise<void>;
}

export interface CertificateStorage {
  list(): Promise<readonly IssuedCertificate[]>;
  /** Throws CERTIFICATE_INVALID when it is not one for all of these names and that key. */
  add(
    pair: CertificatePair,
    names: readonly string[],
    acme: (facts: CertificateFacts) => AcmeFacts,
  ): Promise<IssuedCertificate>;
  update(id: string, acme: AcmeFacts): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface NameStorage {
  list(): Promise<readonly AcmeNameRecord[]>;
  put(record: AcmeNameRecord): Promise<void>;
  delete(name: string): Promise<void>;
}

/** An order under way with the key that its certificate will have. */
export interface StoredOrder extends AcmeOrderRecord {
  readonly privateKey: string;
}

export interface OrderStorage {
  get(id: string): Promise<StoredOrder | null>;
  put(order: StoredOrder): Promise<void>;
  delete(id: string): Promise<void>;
  /** Ids of those that were placed before that time. */
  placedBefore(timeMs: number): Promise<readonly string[]>;
}

export interface PauseStorage {
  list(nowMs: number): Promise<readonly AcmePauseRecord[]>;
  put(record: AcmePauseRecord): Promise<void>;
  sweep(nowMs: number): Promise<void>;
}

export interface ChallengeStorage {
  list(): Promise<readonly ChallengeRecord[]>;
  /** Resolves when every other server that shares the storage answers it, too: the CA may ask any of them. */
  put(record: ChallengeRecord): Promise<void>;
  delete(record: Pick<ChallengeRecord, 'host' | 'challenge'>): Promise<void>;
}

export interface NameLock {
  /** False when it is no longer ours: then somebody else may be at it. */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

export interface NameLocks {
  /** All of the names or none; null when any of them is held. Ends by itself `issuerLimits.nameLeaseMs` after the last renewal. */
  acquire(names: readonly string[]): Promise<NameLock | null>;
}

/** What a server does when another one has changed the storage that they share. */
export interface StorageListener {
  /** Resolves when its workers answer the challenges that are stored now. */
  challengesChanged(): Promise<void>;
  certificatesChanged(): void;
}

export interface IssuerStorage {
  readonly accounts: AccountStorage;
  readonly certificates: CertificateStorage;
  readonly names: NameStorage;
  readonly orders: OrderStorage;
  readonly pauses: PauseStorage;
  readonly challenges: ChallengeStorage;
  readonly locks: NameLocks;
  /** Until disposed. Called for what others do, never for what is done through this object. */
  watch(listener: StorageListener): Disposable;
}
