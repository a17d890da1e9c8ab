// A storage that several servers share, over one SQLite file and one folder: what a database with notifications would be.
// Each server mirrors the certificates into a folder of its own, since its workers are served from there. For tests only.
import path from 'node:path';
import { openStore } from '@tako/store';
import { CertificateFiles } from '../../certificates/certificate-files.ts';
import type { IssuedCertificate, IssuedCertificates } from '../../certificates/issued-certificates.ts';
import { recordingLog } from '../../testing/silent-log.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import type { IssuerStorage, StorageListener } from '../issuer-storage.ts';
import { openLocalStorage } from '../local-storage.ts';

export interface SharedStorage extends AsyncDisposable {
  /** The storage as one server sees it, with its own folder of certificates. */
  readonly viewOf: (own: IssuedCertificates) => IssuerStorage;
}

export async function openSharedStorage(): Promise<SharedStorage> {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(await temporaryDirectory());
  const store = undo.adopt(openStore({ file: path.join(directory.path, 'shared.sqlite3') }), (opened) =>
    opened.close(),
  );
  const deps = { dataDir: directory.path, nowMs: Date.now };
  const files = new CertificateFiles({ ...deps, certificates: store.certificates, log: recordingLog().log });
  await files.open();
  const base = await openLocalStorage({ ...deps, store, issued: files.issued });
  const listeners = new Map<IssuedCertificates, StorageListener>();
  const others = (own: IssuedCertificates): StorageListener[] =>
    [...listeners].flatMap(([server, listener]) => (server === own ? [] : [listener]));
  const resources = undo.move();
  return {
    viewOf: (own) => {
      const tellChallenges = async (): Promise<void> => {
        await Promise.all(others(own).map((listener) => listener.challengesChanged()));
      };
      const tellCertificates = (): void => others(own).forEach((listener) => listener.certificatesChanged());
      const mirror = createMirror(files.issued, own);
      return {
        ...base,
        certificates: {
          list: async () => mirror(await base.certificates.list()),
          add: async (pair, names, acme) => {
            const added = await base.certificates.add(pair, names, acme);
            tellCertificates();
            return added;
          },
          update: (id, acme) => base.certificates.update(id, acme),
          remove: async (id) => {
            await base.certificates.remove(id);
            tellCertificates();
          },
        },
        challenges: {
          list: () => base.challenges.list(),
          put: async (record) => {
            await base.challenges.put(record);
            await tellChallenges();
          },
          delete: async (record) => {
            await base.challenges.delete(record);
            await tellChallenges();
          },
        },
        watch: (listener) => {
          listeners.set(own, listener);
          return { [Symbol.dispose]: () => void listeners.delete(own) };
        },
      };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Brings the own folder to what is shared, and gives that back. */
function createMirror(shared: IssuedCertificates, own: IssuedCertificates) {
  const mirrored = new Map<string, string>();
  return async (all: readonly IssuedCertificate[]): Promise<readonly IssuedCertificate[]> => {
    for (const { id, names, acme } of all) {
      const pair = mirrored.has(id) ? null : await shared.read(id);
      if (pair !== null) mirrored.set(id, (await own.add(pair, names, () => acme)).id);
    }
    const kept = new Set(all.map(({ id }) => id));
    for (const [id, copy] of mirrored) {
      if (kept.has(id)) continue;
      await own.remove(copy);
      mirrored.delete(id);
    }
    return all;
  };
}
