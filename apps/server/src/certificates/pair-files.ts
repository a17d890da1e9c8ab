// The two files of one certificate, `{id}.crt` and `{id}.key`, replaced together: staged as `.next`, then renamed key
// first, so that whatever a crash leaves says which of the two pairs is meant.
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  errorCode,
  namesIn,
  readTextIfThere,
  replaceFile,
  sweepTemporaryFiles,
  syncDirectory,
} from '../files/durable-file.ts';
import type { CertificatePair } from '@tako/config/certificate';

export class PairFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async write(id: string, pair: CertificatePair): Promise<void> {
    await replaceFile(this.#path(id, '.key.next'), pair.privateKey, 0o600);
    await replaceFile(this.#path(id, '.crt.next'), pair.certificate, 0o600);
    await this.#finish(id);
  }

  /** null when either is missing. */
  async read(id: string): Promise<CertificatePair | null> {
    const [certificate, privateKey] = await Promise.all([
      readTextIfThere(this.#path(id, '.crt')),
      readTextIfThere(this.#path(id, '.key')),
    ]);
    return certificate === null || privateKey === null ? null : { certificate, privateKey };
  }

  async remove(id: string): Promise<void> {
    for (const suffix of ['.crt', '.key', '.crt.next', '.key.next'])
      await rm(this.#path(id, suffix), { force: true });
    await syncDirectory(this.#dir);
  }

  /** At boot: finishes or drops what a crash left; returns the ids of the whole pairs. */
  async recover(): Promise<string[]> {
    await sweepTemporaryFiles(this.#dir);
    const staged = new Set(await namesIn(this.#dir));
    for (const name of staged) {
      if (name.endsWith('.crt.next')) await this.#finish(name.slice(0, -'.crt.next'.length));
      // The certificate was never staged: the old pair is the whole one.
      else if (name.endsWith('.key.next') && !staged.has(name.replace(/\.key\.next$/, '.crt.next'))) {
        await rm(path.join(this.#dir, name), { force: true });
      }
    }
    const names = new Set(await namesIn(this.#dir));
    return [...names]
      .filter((name) => name.endsWith('.crt'))
      .map((name) => name.slice(0, -'.crt'.length))
      .filter((id) => names.has(`${id}.key`))
      .toSorted();
  }

  /** Key first: a `.crt.next` that is left alone says that its key is in place already. */
  async #finish(id: string): Promise<void> {
    await rename(this.#path(id, '.key.next'), this.#path(id, '.key')).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    await rename(this.#path(id, '.crt.next'), this.#path(id, '.crt'));
    await syncDirectory(this.#dir);
  }

  #path(id: string, suffix: string): string {
    return path.join(this.#dir, id + suffix);
  }
}
