// The secrets at rest: `apps/{id}/secrets.json`, and `secrets.json.next` while a rollout decides. The row's digest is
// the truth; the files follow it. Plain values are in memory only.
import { createHmac } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseDeploymentId, secretsDigest } from '@tako/config';
import {
  errorCode,
  readTextIfThere,
  replaceFile,
  sweepTemporaryFiles,
  syncDirectory,
} from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { type Secrets, deriveKey, openSecrets, sealSecrets } from './sealed-secrets.ts';
import { openServerKey } from './server-key.ts';

export type SecretsReconciled =
  /** The file is what the row says. */
  | 'current'
  /** The row was committed and the file was behind. */
  | 'committed'
  /** Staged secrets of a rollout that never committed were removed. */
  | 'discarded'
  /** Neither file has the row's digest: the secrets must be sent again. */
  | 'mismatch';

export interface SecretVault {
  /** Seals the whole new set beside the present one. */
  stage(deploymentId: string, secrets: Secrets): Promise<void>;
  /** The staged set becomes the present one, by a rename. */
  commit(deploymentId: string): Promise<void>;
  discard(deploymentId: string): Promise<void>;
  /** Throws SECRETS_UNREADABLE. No file is the empty set. */
  read(deploymentId: string, which: 'current' | 'staged'): Promise<Secrets>;
  /** At boot: makes the files follow the row's digest. */
  reconcile(deploymentId: string, digest: string): Promise<SecretsReconciled>;
  /** Both files. Idempotent. */
  remove(deploymentId: string): Promise<void>;
  /** HMAC-SHA-256 under the server's key: nothing to store, and the next daemon knows it, too. */
  instanceToken(instanceId: string): string;
}

class FileSecretVault implements SecretVault {
  readonly #appsDir: string;
  readonly #sealKey: Buffer;
  readonly #tokenKey: Buffer;
  readonly #log: Log;

  constructor(appsDir: string, serverKey: Uint8Array, log: Log) {
    this.#appsDir = appsDir;
    this.#sealKey = deriveKey(serverKey, 'seal');
    this.#tokenKey = deriveKey(serverKey, 'token');
    this.#log = log;
  }

  async stage(deploymentId: string, secrets: Secrets): Promise<void> {
    const file = this.#file(deploymentId, 'staged');
    await mkdir(path.dirname(file), { recursive: true });
    await replaceFile(file, sealSecrets(this.#sealKey, deploymentId, secrets), 0o600);
  }

  async commit(deploymentId: string): Promise<void> {
    const current = this.#file(deploymentId, 'current');
    await rename(this.#file(deploymentId, 'staged'), current);
    await syncDirectory(path.dirname(current));
  }

  async discard(deploymentId: string): Promise<void> {
    await rm(this.#file(deploymentId, 'staged'), { force: true });
  }

  async read(deploymentId: string, which: 'current' | 'staged'): Promise<Secrets> {
    const text = await readTextIfThere(this.#file(deploymentId, which));
    return text === null ? Object.freeze({}) : openSecrets(this.#sealKey, deploymentId, text);
  }

  async reconcile(deploymentId: string, digest: string): Promise<SecretsReconciled> {
    await sweepTemporaryFiles(path.dirname(this.#file(deploymentId, 'current')));
    const staged = await this.#digest(deploymentId, 'staged');
    if ((await this.#digest(deploymentId, 'current')) === digest) {
      await this.discard(deploymentId);
      return staged === null ? 'current' : 'discarded';
    }
    if (staged === digest) {
      await this.commit(deploymentId);
      return 'committed';
    }
    // Left as they are: a key that comes back may still open them.
    this.#log.error({ app: deploymentId }, 'secrets on disk are not those of the last deploy');
    return 'mismatch';
  }

  async remove(deploymentId: string): Promise<void> {
    for (const which of ['staged', 'current'] as const)
      await rm(this.#file(deploymentId, which), { force: true });
    const directory = path.dirname(this.#file(deploymentId, 'current'));
    await sweepTemporaryFiles(directory);
    await syncDirectory(directory).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
  }

  instanceToken(instanceId: string): string {
    return createHmac('sha256', this.#tokenKey).update(instanceId).digest('hex');
  }

  /** null: no file (for `staged`), or one that cannot be opened. */
  async #digest(deploymentId: string, which: 'current' | 'staged'): Promise<string | null> {
    const text = await readTextIfThere(this.#file(deploymentId, which));
    if (text === null) return which === 'current' ? secretsDigest({}) : null;
    try {
      return secretsDigest(openSecrets(this.#sealKey, deploymentId, text));
    } catch (error) {
      this.#log.error({ err: error, app: deploymentId }, 'secrets on disk could not be opened');
      return null;
    }
  }

  #file(deploymentId: string, which: 'current' | 'staged'): string {
    // The boundary checked it; a path is made of it, so it is checked again.
    parseDeploymentId(deploymentId);
    return path.join(this.#appsDir, deploymentId, which === 'current' ? 'secrets.json' : 'secrets.json.next');
  }
}

/** Reads or makes `<data-dir>/server.key`. Throws SECRETS_UNREADABLE. */
export async function openSecretVault(deps: {
  readonly dataDir: string;
  readonly log: Log;
}): Promise<SecretVault> {
  const key = await openServerKey(deps.dataDir);
  await sweepTemporaryFiles(deps.dataDir);
  return new FileSecretVault(path.join(deps.dataDir, 'apps'), key, deps.log);
}
