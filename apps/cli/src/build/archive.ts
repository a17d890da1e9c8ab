// Packs entries into a tar.gz whose bytes depend on nothing but the entries: names in order, times, owners and modes
// normalised (spec 30, step 6). Knows no build and no cache.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import type { ArtifactEntry } from './artifact-entries.ts';

export interface PackedArchive {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** One second after the epoch: some programs take 0 for "no time given". */
const entryTime = new Date(1000);

/** Writes to `file`, which must not exist. Entries are packed in the order given. */
export async function packArchive(
  entries: readonly ArtifactEntry[],
  file: string,
  signal?: AbortSignal,
): Promise<PackedArchive> {
  const hash = createHash('sha256');
  const meter = { bytes: 0 };
  const tar = pack();
  const written = pipeline(
    tar,
    createGzip({ level: 6 }),
    normaliseGzipHeader(),
    measure(hash, meter),
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
    { signal },
  );
  const added = addEntries(tar, entries, signal).then(
    () => tar.finalize(),
    (error: unknown) => {
      tar.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  const [add, write] = await Promise.allSettled([added, written]);
  if (add.status === 'rejected') throw add.reason;
  if (write.status === 'rejected') throw write.reason;
  return { sha256: hash.digest('hex'), sizeBytes: meter.bytes };
}

async function addEntries(
  tar: Pack,
  entries: readonly ArtifactEntry[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const entry of entries) {
    signal?.throwIfAborted();
    await addEntry(tar, entry, signal);
  }
}

async function addEntry(tar: Pack, entry: ArtifactEntry, signal: AbortSignal | undefined): Promise<void> {
  const header = {
    name: entry.kind === 'directory' ? `${entry.name}/` : entry.name,
    type: entry.kind,
    size: entry.sizeBytes,
    mode: entry.executable ? 0o755 : 0o644,
    mtime: entryTime,
    uid: 0,
    gid: 0,
    ...(entry.target === null ? {} : { linkname: entry.target }),
  };
  if (entry.kind !== 'file') {
    await new Promise<void>((resolve, reject) => {
      tar.entry(header, (error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  const sink = tar.entry(header);
  // A file that grew or shrank since it was listed ends the pack with "Size mismatch" instead of a corrupt archive.
  await pipeline(createReadStream(entry.from), sink, { signal });
}

/** RFC 1952 §2.3: byte 9 names the operating system; 255 is "unknown", so that every machine writes the same. */
function normaliseGzipHeader(): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (seen <= 9 && seen + chunk.length > 9) chunk[9 - seen] = 255;
      seen += chunk.length;
      done(null, chunk);
    },
  });
}

function measure(hash: Hash, meter: { bytes: number }): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      meter.bytes += chunk.length;
      done(null, chunk);
    },
  });
}
