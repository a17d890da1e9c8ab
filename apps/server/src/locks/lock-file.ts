// `apps/{id}/.deploy_lock`: shows a person who deploys. Never asked: the row is the truth, so every failure is nothing
// but a line in the log.
import { mkdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { LockHolder } from '@tako/protocol';
import { replaceFile } from '../files/durable-file.ts';
import type { Log } from '../log.ts';

export class LockFile {
  readonly #dataDir: string;
  readonly #log: Log;

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  async show(deploymentId: string, holder: LockHolder, acquiredAt: number): Promise<void> {
    const file = this.#path(deploymentId);
    const text = `${JSON.stringify({ ...holder, time: new Date(acquiredAt).toISOString() }, null, 2)}\n`;
    await this.#try(deploymentId, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await replaceFile(file, text, 0o644);
    });
  }

  async hide(deploymentId: string): Promise<void> {
    const file = this.#path(deploymentId);
    await this.#try(deploymentId, () => rm(file, { force: true }));
    // A first deploy that came to nothing leaves no directory either; one with anything in it stays.
    await rmdir(path.dirname(file)).catch(() => undefined);
  }

  async #try(deploymentId: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warn({ err: error, app: deploymentId }, 'deploy lock file could not be written');
    }
  }

  #path(deploymentId: string): string {
    return path.join(this.#dataDir, 'apps', deploymentId, '.deploy_lock');
  }
}
