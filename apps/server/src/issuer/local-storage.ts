// The issuer's memory on one server: rows in the state, private keys in files of their own (0600), so that no backup of
// the state holds a key. Knows no CA.
import { createHash, generateKeyPair, randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Store } from '@tako/store';
import { identifyProcess, isAlive } from '@tako/supervisor';
import { identitySchema } from '../boot/identity-file.ts';
import type { IssuedCertificates } from '../certificates/issued-certificates.ts';
import { createWholeFile, readTextIfThere, replaceFile, sweepTemporaryFiles } from '../files/durable-file.ts';
import type { AccountStorage, IssuerStorage, NameLocks, OrderStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';

export interface LocalStorageDeps {
  readonly dataDir: string;
  readonly store: Pick<
    Store,
    'leases' | 'challenges' | 'acmeAccounts' | 'acmeNames' | 'acmeOrders' | 'acmePauses' | 'transaction'
  >;
  readonly issued: IssuedCertificates;
  readonly nowMs: () => number;
}

const generate = promisify(generateKeyPair);

/** ECDSA P-256, PKCS #8, PEM: small, quick, taken by every CA. */
export async function createPrivateKey(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** A file name for a URL. */
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

function createAccounts({ store, nowMs }: LocalStorageDeps, dir: string): AccountStorage {
  const keyFile = (directory: string): string => path.join(dir, `${digest(directory)}.key`);
  return {
    open: async (directory) => {
      const file = keyFile(directory);
      let key = await readTextIfThere(file);
      if (key === null) {
        const isOurs = await createWholeFile(file, await createPrivateKey(), 0o600);
        // Somebody was quicker: that key is the one, and may be registered by now.
        if (isOurs) store.acmeAccounts.delete(directory);
        key = await readFile(file, 'utf8');
      }
      const row = store.acmeAccounts.get(directory);
      return { directory, key, url: row?.url ?? null, email: row?.email ?? '' };
    },
    put: async ({ directory, url, email }) =>
      store.acmeAccounts.put({ directory, url, email, createdAt: nowMs() }),
    forget: async (directory) => store.acmeAccounts.delete(directory),
  };
}

function createOrders({ store }: LocalStorageDeps, dir: string): OrderStorage {
  const keyFile = (id: string): string => path.join(dir, `${digest(id)}.key`);
  return {
    get: async (id) => {
      const row = store.acmeOrders.get(id);
      if (row === undefined) return null;
      const privateKey = await readTextIfThere(keyFile(id));
      return privateKey === null ? null : { ...row, privateKey };
    },
    put: async ({ privateKey, ...row }) => {
      // The key first: an order without it is worth nothing.
      await replaceFile(keyFile(row.id), privateKey, 0o600);
      store.acmeOrders.put(row);
    },
    delete: async (id) => {
      store.acmeOrders.delete(id);
      await rm(keyFile(id), { force: true });
    },
    placedBefore: async (timeMs) =>
      store.acmeOrders
        .list()
        .filter((order) => order.createdAt < timeMs)
        .map(({ id }) => id),
  };
}

/** Rows of `leases`. Whoever died holds none: an order that a crash interrupted goes on at once. */
function createLocks({ store, nowMs }: LocalStorageDeps): NameLocks {
  const leaseName = (name: string): string => `certificate:${name}`;
  return {
    acquire: async (names) => {
      const token = randomUUID();
      const owner = { ...identifyProcess(process.pid) };
      const taken = store.transaction(() => {
        const now = nowMs();
        // Held by nobody for longer than a lease lasts: it was taken by a clock that was ahead.
        const isFree = names.every((name) => {
          const lease = store.leases.get(leaseName(name), now);
          return (
            lease === undefined ||
            isOfTheDead(lease.owner) ||
            lease.expiresAt > now + issuerLimits.nameLeaseMs + issuerLimits.clockSkewMs
          );
        });
        if (!isFree) return false;
        for (const name of names) {
          store.leases.force(leaseName(name));
          store.leases.acquire(
            {
              name: leaseName(name),
              token,
              owner,
              acquiredAt: now,
              expiresAt: now + issuerLimits.nameLeaseMs,
            },
            now,
          );
        }
        return true;
      });
      if (!taken) return null;
      return {
        renew: async () =>
          store.transaction(() => {
            const now = nowMs();
            return names.every((name) =>
              store.leases.renew(leaseName(name), token, now + issuerLimits.nameLeaseMs, now),
            );
          }),
        release: async () =>
          store.transaction(() => names.forEach((name) => store.leases.release(leaseName(name), token))),
      };
    },
  };
}

function isOfTheDead(owner: unknown): boolean {
  const identity = identitySchema.safeParse(owner);
  return identity.success && !isAlive(identity.data);
}

export async function openLocalStorage(deps: LocalStorageDeps): Promise<IssuerStorage> {
  const { store, issued } = deps;
  const dir = path.join(deps.dataDir, 'acme');
  const accounts = path.join(dir, 'accounts');
  const orders = path.join(dir, 'orders');
  for (const folder of [dir, accounts, orders]) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const folder of [accounts, orders]) await sweepTemporaryFiles(folder);
  return {
    accounts: createAccounts(deps, accounts),
    certificates: {
      list: async () => issued.list(),
      add: (pair, names, acme) => issued.add(pair, names, acme),
      update: async (id, acme) => issued.update(id, acme),
      remove: (id) => issued.remove(id),
    },
    names: {
      list: async () => store.acmeNames.list(),
      put: async (record) => store.acmeNames.put(record),
      delete: async (name) => store.acmeNames.delete(name),
    },
    orders: createOrders(deps, orders),
    pauses: {
      list: async (nowMs) => store.acmePauses.list(nowMs),
      put: async (record) => store.acmePauses.put(record),
      sweep: async (nowMs) => store.acmePauses.sweep(nowMs),
    },
    challenges: {
      list: async () => store.challenges.list(),
      put: async (record) => store.challenges.put(record),
      delete: async ({ host, challenge }) => store.challenges.delete(host, challenge),
    },
    locks: createLocks(deps),
    // Nobody else writes here but a daemon that is being replaced, whose challenges end with it.
    watch: () => ({ [Symbol.dispose]: () => undefined }),
  };
}
