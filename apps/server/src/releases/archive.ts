// Extracts an artifact (tar.gz) that may be hostile into an empty directory of its own. Whatever the archive says,
// nothing is written outside, through a link, or twice; the caller removes the directory when this throws.
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, chmod, link, mkdir, open, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { TakoError, isTakoError } from '@tako/config';
import { type Header, extract } from 'tar-stream';
import { diskFull, isDiskFull } from '../files/disk-full.ts';
import { errorCode, errorMessage } from '../files/durable-file.ts';
import { parseEntryPath } from './entry-path.ts';
import { releaseLimits } from './limits.ts';
import { ReleaseTree } from './release-tree.ts';

export interface ArchiveLimits {
  readonly entriesMax: number;
  readonly unpackedBytesMax: number;
  readonly tarOverheadBytesMax: number;
}

/** One entry: its header, and its contents as an iterable that must be read to the end. */
type Entry = ReturnType<typeof extract> extends AsyncIterable<infer Source> ? Source : never;

export interface ExtractRequest {
  readonly archive: string;
  /** Exists and is empty. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly limits?: ArchiveLimits;
}

export interface Extracted {
  readonly entries: number;
  readonly bytes: number;
}

function tooLarge(bytesMax: number): TakoError {
  return new TakoError('ARCHIVE_TOO_LARGE', `The archive unpacks to more than ${bytesMax} bytes.`, {
    hint: 'Exclude what the app does not need at run time (`[build] exclude`).',
    details: { bytesMax },
  });
}

function entryRefused(header: Header): TakoError {
  // tar-stream gives null for a type that it does not know, whatever its types say.
  const kind: string = header.type ?? 'thing of unknown kind';
  return new TakoError(
    'ARCHIVE_ENTRY_REFUSED',
    `The archive holds ${JSON.stringify(header.name)}, a ${kind}.`,
    {
      hint: 'A release holds files, directories and links; no devices, pipes or sockets.',
      details: { path: header.name, kind },
    },
  );
}

/** Counts what comes out of gzip: a bomb is cut as soon as it is over the limit, whatever its headers say. */
function countBytes(bytesMax: number, error: () => TakoError): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(error());
      else done(null, chunk);
    },
  });
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written);
    written += bytesWritten;
  }
}

/** When one side fails the other sees a stream that closed too early: that is never the reason. */
function causeAmong(failures: readonly unknown[]): unknown {
  const isConsequence = (error: unknown): boolean =>
    errorCode(error) === 'ERR_STREAM_PREMATURE_CLOSE' ||
    errorMessage(error) === 'Writable stream closed prematurely';
  return failures.find(isTakoError) ?? failures.find((error) => !isConsequence(error)) ?? failures[0];
}

class Extraction {
  readonly #request: ExtractRequest;
  readonly #limits: ArchiveLimits;
  readonly #tree = new ReleaseTree();
  #entries = 0;
  #bytes = 0;

  constructor(request: ExtractRequest) {
    this.#request = request;
    this.#limits = request.limits ?? releaseLimits;
  }

  async run(): Promise<Extracted> {
    const { archive, signal } = this.#request;
    const { unpackedBytesMax, tarOverheadBytesMax } = this.#limits;
    const tar = extract();
    const feeding = pipeline(
      createReadStream(archive),
      createGunzip(),
      countBytes(unpackedBytesMax + tarOverheadBytesMax, () => tooLarge(unpackedBytesMax)),
      tar,
      { signal },
    );
    const taking = this.#take(tar);
    const failures = (await Promise.allSettled([taking, feeding])).flatMap((result) =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    if (failures.length > 0) throw causeAmong(failures);
    if (this.#entries === 0)
      throw new TakoError('ARCHIVE_INVALID', 'The archive is empty.', {
        hint: 'Build it with `tako deploy`.',
      });
    this.#tree.assertLinksInside();
    return { entries: this.#entries, bytes: this.#bytes };
  }

  async #take(tar: AsyncIterable<Entry>): Promise<void> {
    for await (const entry of tar) {
      this.#request.signal.throwIfAborted();
      this.#entries += 1;
      if (this.#entries > this.#limits.entriesMax) {
        throw new TakoError(
          'ARCHIVE_TOO_MANY_ENTRIES',
          `The archive holds more than ${this.#limits.entriesMax} entries.`,
          {
            hint: 'Exclude what the app does not need at run time (`[build] exclude`).',
            details: { entriesMax: this.#limits.entriesMax },
          },
        );
      }
      // A size that tar-stream cannot read comes as null, and it would wait for ever for the end of such an entry.
      if (!Number.isSafeInteger(entry.header.size)) throw new Error('an entry has no readable size');
      await this.#make(entry);
      // An entry is over when its content was read; links and directories should have none.
      entry.resume();
    }
  }

  async #make(entry: Entry): Promise<void> {
    const { header } = entry;
    const segments = parseEntryPath(header.name);
    switch (header.type) {
      case 'directory':
        return this.#makeDirectories(segments);
      case 'file':
      case 'contiguous-file':
        return this.#makeFile(segments, entry);
      case 'symlink':
        return this.#makeLink(segments, header.linkname ?? '');
      case 'link':
        return this.#makeHardLink(segments, parseEntryPath(header.linkname ?? ''));
      default:
        throw entryRefused(header);
    }
  }

  async #makeDirectories(segments: readonly string[]): Promise<void> {
    for (const made of this.#tree.addDirectory(segments)) {
      await mkdir(this.#absolute([made]));
      // Whatever the daemon's umask is.
      await chmod(this.#absolute([made]), 0o755);
    }
  }

  async #makeFile(segments: readonly string[], entry: Entry): Promise<void> {
    // A bomb that says how large it is has written nothing by then.
    if (this.#bytes + (entry.header.size ?? 0) > this.#limits.unpackedBytesMax)
      throw tooLarge(this.#limits.unpackedBytesMax);
    await this.#makeDirectories(segments.slice(0, -1));
    this.#tree.addFile(segments);
    // Set-user-ID, set-group-ID, sticky and odd modes end here: only "may be executed" is kept.
    const mode = (entry.header.mode & 0o111) === 0 ? 0o644 : 0o755;
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const handle = await open(this.#absolute(segments), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      await handle.chmod(mode);
      for await (const chunk of entry) {
        if (!(chunk instanceof Uint8Array))
          throw new TypeError('assertion failed: an entry is made of bytes');
        this.#bytes += chunk.length;
        if (this.#bytes > this.#limits.unpackedBytesMax) throw tooLarge(this.#limits.unpackedBytesMax);
        await writeAll(handle, chunk);
      }
    } finally {
      await handle.close();
    }
  }

  async #makeLink(segments: readonly string[], target: string): Promise<void> {
    await this.#makeDirectories(segments.slice(0, -1));
    this.#tree.addLink(segments, target);
    await symlink(target, this.#absolute(segments));
  }

  async #makeHardLink(segments: readonly string[], target: readonly string[]): Promise<void> {
    await this.#makeDirectories(segments.slice(0, -1));
    this.#tree.addHardLink(segments, target);
    await link(this.#absolute(target), this.#absolute(segments));
  }

  #absolute(segments: readonly string[]): string {
    return path.join(this.#request.directory, ...segments);
  }
}

/**
 * Throws ARCHIVE_INVALID, ARCHIVE_PATH_REFUSED, ARCHIVE_LINK_REFUSED, ARCHIVE_ENTRY_REFUSED, ARCHIVE_TOO_LARGE,
 * ARCHIVE_TOO_MANY_ENTRIES, DISK_FULL, or the signal's reason.
 */
export async function extractArchive(request: ExtractRequest): Promise<Extracted> {
  try {
    return await withExtractDeadline(request);
  } catch (error) {
    request.signal.throwIfAborted();
    if (isTakoError(error)) throw error;
    if (isDiskFull(error)) throw diskFull(request.directory, {}, error);
    if (isFileSystemError(error)) throw error;
    throw new TakoError('ARCHIVE_INVALID', `The artifact is no readable tar.gz: ${errorMessage(error)}.`, {
      hint: 'Build it with `tako deploy`; if it came so from there, remove `.tako/build` and deploy again.',
      cause: error,
    });
  }
}

async function withExtractDeadline(request: ExtractRequest): Promise<Extracted> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(request.signal.reason);
  const late = (): void => stopping.abort(new Error('it was not extracted in time'));
  const timer = setTimeout(late, releaseLimits.extractTimeoutMs);
  if (request.signal.aborted) stop();
  else request.signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Extraction({ ...request, signal: stopping.signal }).run();
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', stop);
  }
}

/** gzip's and tar's own complaints have no `syscall`. */
function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
