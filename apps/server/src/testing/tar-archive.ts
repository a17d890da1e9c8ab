// Archives for tests, entry by entry, hostile ones included.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

export interface ArchiveEntry extends Partial<Header> {
  readonly name: string;
  readonly body?: string | Buffer;
}

/** The same entries are the same bytes, whenever they are packed. */
const mtime = new Date('2026-01-01T00:00:00Z');

/** Writes a tar.gz of these entries, in order. */
export async function writeArchive(file: string, entries: Iterable<ArchiveEntry>): Promise<void> {
  const tar = pack();
  const writing = pipeline(tar, createGzip({ level: 1 }), createWriteStream(file));
  for (const { body, ...header } of entries) {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      tar.entry({ mode: 0o644, mtime, ...header }, body ?? '', done);
    });
  }
  tar.finalize();
  await writing;
}
