// The caches of package managers, one per user: what one app's install writes no other app reads. Bounded.
import { chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { RunAs } from '@tako/supervisor';
import { namesIn } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { runHelper } from '../programs/run-helper.ts';
import { removeTree } from '../releases/remove-tree.ts';
import { runtimeLimits } from './limits.ts';

export interface BorrowedCache extends Disposable {
  readonly dir: string;
}

export class PackageCache {
  readonly #root: string;
  readonly #log: Log;
  readonly #bytesMax: number;
  /** Directory → installs that use it now. */
  readonly #borrowed = new Map<string, number>();

  constructor(root: string, log: Log, bytesMax: number = runtimeLimits.cacheBytesMax) {
    this.#root = root;
    this.#log = log;
    this.#bytesMax = bytesMax;
  }

  dirOf(runAs: RunAs | null): string {
    return path.join(this.#root, runAs === null ? 'daemon' : String(runAs.uid));
  }

  /** The user's cache, which stays as it is until it is given back. */
  async borrow(runAs: RunAs | null): Promise<BorrowedCache> {
    const dir = this.dirOf(runAs);
    this.#borrowed.set(dir, (this.#borrowed.get(dir) ?? 0) + 1);
    const giveBack = (): void => {
      const left = (this.#borrowed.get(dir) ?? 1) - 1;
      if (left === 0) this.#borrowed.delete(dir);
      else this.#borrowed.set(dir, left);
    };
    try {
      await mkdir(dir, { recursive: true, mode: 0o755 });
      if (runAs !== null) await chown(dir, runAs.uid, runAs.gid);
    } catch (error) {
      giveBack();
      throw error;
    }
    return { dir, [Symbol.dispose]: giveBack };
  }

  /** Removes caches that are too large and not in use; returns their directories. */
  async sweep(): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await namesIn(this.#root)) {
      const dir = path.join(this.#root, name);
      if (this.#borrowed.has(dir)) continue;
      const bytes = Number.parseInt(
        await runHelper(['/usr/bin/du', '-s', '--block-size=1', dir], runtimeLimits.measureTimeoutMs),
        10,
      );
      if (!(bytes > this.#bytesMax) || this.#borrowed.has(dir)) continue;
      await removeTree(dir, null);
      removed.push(dir);
      this.#log.info({ directory: dir, bytes }, 'package cache emptied');
    }
    return removed;
  }
}
