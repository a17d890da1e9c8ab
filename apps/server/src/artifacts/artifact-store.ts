// Artifacts under their SHA-256: `{sha256}` when complete and verified, `{sha256}.part` while bytes come in. Knows
// nothing of releases but the set of hashes that they refer to.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type { ArtifactReceiver, CallContext } from '@tako/protocol';
import { diskFull, isDiskFull } from '../files/disk-full.ts';
import { errorCode, namesIn, syncDirectory } from '../files/durable-file.ts';
import { hashMismatch, tooLarge } from './artifact-errors.ts';
import { fileSha256 } from './file-hash.ts';
import { type ArtifactLimits, artifactLimits } from './limits.ts';
import { UploadTurns, chunksInTurn } from './upload-turns.ts';

export interface ArtifactStoreDeps {
  /** `<data-dir>/artifacts` */
  readonly dir: string;
  readonly nowMs: () => number;
  /** Bytes that an unprivileged user could still write; statfs(2) when absent. */
  readonly freeBytes?: (dir: string) => Promise<number>;
  readonly limits?: Partial<ArtifactLimits>;
}

interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

interface Received {
  readonly offsetBytes: number;
  readonly complete: boolean;
}

const sha256Pattern = /^[0-9a-f]{64}$/;

async function availableBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written);
    written += bytesWritten;
  }
}

export class ArtifactStore implements ArtifactReceiver {
  readonly #dir: string;
  readonly #nowMs: () => number;
  readonly #freeBytes: (dir: string) => Promise<number>;
  readonly #limits: ArtifactLimits;
  readonly #turns: UploadTurns;

  constructor(deps: ArtifactStoreDeps) {
    this.#dir = deps.dir;
    this.#nowMs = deps.nowMs;
    this.#freeBytes = deps.freeBytes ?? availableBytes;
    this.#limits = { ...artifactLimits, ...deps.limits };
    this.#turns = new UploadTurns({
      nowMs: () => performance.now(),
      silentAfterMs: this.#limits.silentAfterMs,
    });
  }

  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
  }

  async offset(sha256: string): Promise<Received> {
    const complete = await sizeOf(this.#file(sha256));
    if (complete !== null) {
      await this.#touch(sha256);
      return { offsetBytes: complete, complete: true };
    }
    return { offsetBytes: (await sizeOf(this.#part(sha256))) ?? 0, complete: false };
  }

  /**
   * Appends; a `body` that ends early keeps what came, and so does one whose client fell silent when another client
   * comes with the rest. Rejects with ARTIFACT_BUSY, ARTIFACT_OUT_OF_ORDER (details:
   * offsetBytes), ARTIFACT_TOO_LARGE, ARTIFACT_HASH_MISMATCH or DISK_FULL; after the last three no part remains.
   */
  async receive(
    sha256: string,
    range: Range,
    body: AsyncIterable<Uint8Array>,
    context: CallContext,
  ): Promise<Received> {
    const turn = await this.#turns.take(sha256);
    try {
      return await this.#receive(sha256, range, chunksInTurn(body, turn), context.signal);
    } finally {
      turn.end();
    }
  }

  async #receive(
    sha256: string,
    range: Range,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Received> {
    const complete = await sizeOf(this.#file(sha256));
    if (complete !== null) return { offsetBytes: complete, complete: true };
    await this.#admit(sha256, range);
    let offsetBytes: number;
    try {
      offsetBytes = await this.#append(sha256, range, body, signal);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await rm(this.#part(sha256), { force: true });
      throw diskFull(this.#dir, { sha256 }, error);
    }
    if (offsetBytes < range.sizeBytes) return { offsetBytes, complete: false };
    await this.#complete(sha256, signal);
    return { offsetBytes, complete: true };
  }

  async #admit(sha256: string, { offsetBytes, sizeBytes }: Range): Promise<void> {
    if (sizeBytes > this.#limits.bytesMax) throw tooLarge(sha256, sizeBytes, this.#limits.bytesMax);
    let held = (await sizeOf(this.#part(sha256))) ?? 0;
    if (held > sizeBytes) {
      // Whoever announced more than this was wrong; nothing tells which bytes are good.
      await rm(this.#part(sha256), { force: true });
      held = 0;
    }
    if (offsetBytes !== held) {
      throw new TakoError(
        'ARTIFACT_OUT_OF_ORDER',
        `The bytes from ${offsetBytes} do not follow the ${held} held of artifact ${sha256}.`,
        {
          hint: `Go on from byte ${held}.`,
          details: { sha256, offsetBytes: held },
        },
      );
    }
    const neededBytes = sizeBytes * this.#limits.freeSpaceFactor;
    const freeBytes = (await this.#freeBytes(this.#dir)) + held;
    if (freeBytes < neededBytes) throw diskFull(this.#dir, { sha256, neededBytes, freeBytes });
  }

  /** Returns how many bytes there are now, synced. */
  async #append(
    sha256: string,
    range: Range,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    const handle = await open(this.#part(sha256), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    let held = range.offsetBytes;
    try {
      for await (const chunk of body) {
        signal.throwIfAborted();
        held += chunk.length;
        if (held > range.sizeBytes) {
          await rm(this.#part(sha256), { force: true });
          throw tooLarge(sha256, held, range.sizeBytes);
        }
        await writeAll(handle, chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    return held;
  }

  async #complete(sha256: string, signal: AbortSignal): Promise<void> {
    const part = this.#part(sha256);
    const actual = await fileSha256(part, signal);
    if (actual !== sha256) {
      await rm(part, { force: true });
      throw hashMismatch(sha256, actual);
    }
    await rename(part, this.#file(sha256));
    await syncDirectory(this.#dir);
  }

  /** The path of a complete artifact whose bytes were read and hashed now. Throws ARTIFACT_NOT_FOUND, ARTIFACT_HASH_MISMATCH. */
  async verified(sha256: string, sizeBytes: number, signal: AbortSignal): Promise<string> {
    const file = this.#file(sha256);
    const actualBytes = await sizeOf(file);
    if (actualBytes === null) {
      throw new TakoError('ARTIFACT_NOT_FOUND', `The server has no complete artifact ${sha256}.`, {
        hint: 'Upload it first (PUT /artifacts/{sha256}); `tako deploy` does.',
        details: { sha256 },
      });
    }
    await this.#touch(sha256);
    const actual = await fileSha256(file, signal);
    if (actual !== sha256) {
      // Rotten on the disk: the next upload brings it anew.
      await rm(file, { force: true });
      throw hashMismatch(sha256, actual);
    }
    if (actualBytes !== sizeBytes) {
      throw new TakoError('INVALID_INPUT', `Artifact ${sha256} has ${actualBytes} bytes, not ${sizeBytes}.`, {
        details: { sha256, actualBytes, sizeBytes },
      });
    }
    return file;
  }

  /** Removes parts that nobody resumed and artifacts that no release refers to; returns the names that went. */
  async sweep(referenced: ReadonlySet<string>): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await namesIn(this.#dir)) {
      const sha256 = name.replace(/\.part$/, '');
      if (!sha256Pattern.test(sha256) || this.#turns.isTaken(sha256)) continue;
      const isPart = name.endsWith('.part');
      if (!isPart && referenced.has(sha256)) continue;
      const file = path.join(this.#dir, name);
      const ageMs = this.#nowMs() - (await stat(file)).mtimeMs;
      if (ageMs <= (isPart ? this.#limits.partAgeMaxMs : this.#limits.unreferencedAgeMaxMs)) continue;
      await rm(file, { force: true });
      removed.push(name);
    }
    return removed;
  }

  /** Somebody means to use it: the sweep counts from now. */
  async #touch(sha256: string): Promise<void> {
    const seconds = this.#nowMs() / 1000;
    await utimes(this.#file(sha256), seconds, seconds);
  }

  #file(sha256: string): string {
    // The boundary checked it; a path is made of it, so it is checked again.
    if (!sha256Pattern.test(sha256))
      throw new TakoError('INVALID_INPUT', 'A SHA-256 is 64 lower-case hex digits.');
    return path.join(this.#dir, sha256);
  }

  #part(sha256: string): string {
    return `${this.#file(sha256)}.part`;
  }
}
