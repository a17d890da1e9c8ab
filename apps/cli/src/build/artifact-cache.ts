// Built artifacts by the key of all their inputs, verified by SHA-256 before use, kept to 20 entries or 2 GiB
// (spec 30, step 6). Knows nothing of what a key is made of.
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { limits } from '../limits.ts';
import { packArchive } from './archive.ts';
import type { ArtifactEntry } from './artifact-entries.ts';
import { hashFile } from './source-hash.ts';

export interface CachedArtifact {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The entry file that the build ended with, which is part of what it made. */
  readonly main: string | null;
}

export interface ArtifactContents {
  readonly entries: readonly ArtifactEntry[];
  readonly main: string | null;
}

export interface ArtifactCache {
  /** null when absent; an entry whose bytes do not hash to what was noted is dropped and counts as absent. */
  find(key: string, signal?: AbortSignal): Promise<CachedArtifact | null>;
  store(key: string, contents: ArtifactContents, signal?: AbortSignal): Promise<CachedArtifact>;
  /** Drops the least recently used beyond the limits; returns how many. */
  prune(keep: string): Promise<number>;
}

const noteSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive(),
  main: z.string().nullable(),
});
type Note = z.infer<typeof noteSchema>;

export interface CacheLimits {
  readonly cacheEntriesMax: number;
  readonly cacheBytesMax: number;
}

export function openArtifactCache(directory: string, bounds: CacheLimits = limits): ArtifactCache {
  const fileOf = (key: string): string => path.join(directory, `${key}.tar.gz`);
  const noteOf = (key: string): string => path.join(directory, `${key}.json`);

  async function drop(key: string): Promise<void> {
    // The note first: an archive without one is never used.
    await rm(noteOf(key), { force: true });
    await rm(fileOf(key), { force: true });
  }

  async function find(key: string, signal?: AbortSignal): Promise<CachedArtifact | null> {
    const note = await readNote(noteOf(key));
    if (note === null) return null;
    const file = fileOf(key);
    const sizeBytes = await sizeOf(file);
    if (sizeBytes !== note.sizeBytes || (await hashFile(file, signal)) !== note.sha256) {
      await drop(key);
      return null;
    }
    const now = new Date();
    await utimes(noteOf(key), now, now);
    return { file, ...note };
  }

  async function store(
    key: string,
    contents: ArtifactContents,
    signal?: AbortSignal,
  ): Promise<CachedArtifact> {
    await mkdir(directory, { recursive: true });
    const temporary = path.join(directory, `${key}.${process.pid}.tmp`);
    await rm(temporary, { force: true });
    try {
      const packed = await packArchive(contents.entries, temporary, signal);
      await rename(temporary, fileOf(key));
      const note: Note = { ...packed, main: contents.main };
      await writeFile(noteOf(key), `${JSON.stringify(note)}\n`);
      return { file: fileOf(key), ...note };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async function prune(keep: string): Promise<number> {
    const names = await readdir(directory).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.tar.gz'))
        .map((name) => describe(name.slice(0, -'.tar.gz'.length))),
    );
    // The one in use counts first, so that it is never the one to go.
    const newestFirst = found.toSorted(
      (a, b) => Number(b.key === keep) - Number(a.key === keep) || b.usedAt - a.usedAt,
    );
    let entries = 0;
    let bytes = 0;
    let dropped = 0;
    for (const { key, sizeBytes } of newestFirst) {
      entries += 1;
      bytes += sizeBytes;
      if (key === keep || (entries <= bounds.cacheEntriesMax && bytes <= bounds.cacheBytesMax)) continue;
      await drop(key);
      dropped += 1;
    }
    return dropped;
  }

  async function describe(key: string): Promise<{ key: string; sizeBytes: number; usedAt: number }> {
    const note = await stat(noteOf(key)).catch(() => null);
    return { key, sizeBytes: (await sizeOf(fileOf(key))) ?? 0, usedAt: note?.mtimeMs ?? 0 };
  }

  return { find, store, prune };
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch {
    // Gone: another deploy of this project pruned it.
    return null;
  }
}

async function readNote(file: string): Promise<Note | null> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // No note, or half of one: the entry was never finished.
    return null;
  }
}
