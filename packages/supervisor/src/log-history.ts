// Reads the last lines of an app's log over all its files, a chunk at a time: memory does not grow with the history.
import { limits } from './limits.ts';
import { LineSplitter } from './line-splitter.ts';
import { type LogEntry, type LogEvent, parseLogEntry } from './log-entry.ts';
import { type LogSnapshot, openLogSnapshot, type OpenLogFile } from './log-files.ts';

export interface LogQuery {
  /** At most this many entries, the newest; 0 for none. */
  readonly lines: number;
  /** Only entries at or after this time (ms since the epoch). */
  readonly since?: number | undefined;
  /** Everything behind this position instead, however much it is: for a reader that goes on. */
  readonly after?: number | undefined;
}

const lineFeed = 0x0a;

/** Where the last `lines` lines of the file begin, and how many of them it has. */
async function findTail(
  { handle, bytes }: OpenLogFile,
  lines: number,
): Promise<{ offset: number; found: number }> {
  const chunk = Buffer.allocUnsafe(limits.logReadChunkBytes);
  let found = 0;
  let end = bytes;
  while (end > 0) {
    const start = Math.max(0, end - chunk.length);
    const { bytesRead } = await handle.read(chunk, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The last byte ends the last line; every other line feed begins a newer line behind it.
      if (chunk[at] !== lineFeed || start + at === bytes - 1) continue;
      found += 1;
      if (found === lines) return { offset: start + at + 1, found };
    }
    end = start;
  }
  return { offset: 0, found: bytes === 0 ? 0 : found + 1 };
}

async function* readEntries({ handle, bytes }: OpenLogFile, from: number): AsyncGenerator<LogEntry> {
  const chunk = Buffer.allocUnsafe(limits.logReadChunkBytes);
  let entries: LogEntry[] = [];
  const splitter = new LineSplitter(limits.logStoredLineBytesMax, (line) => {
    const entry = parseLogEntry(line.toString('utf8'));
    if (entry !== null) entries.push(entry);
  });
  for (let offset = from; offset < bytes;) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, bytes - offset), offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    splitter.push(chunk.subarray(0, bytesRead));
    if (offset >= bytes) splitter.flush();
    yield* entries;
    entries = [];
  }
}

/** The entries of a snapshot, oldest first; before them `skipped` where those `after` a position are no longer all there. */
export async function* readSnapshot(snapshot: LogSnapshot, query: LogQuery): AsyncGenerator<LogEvent> {
  if (query.after !== undefined) {
    yield* readAfter(snapshot, query.after);
    return;
  }
  let missing = Math.min(query.lines, limits.logHistoryLinesMax);
  const parts: { file: OpenLogFile; offset: number }[] = [];
  for (const file of snapshot.files.toReversed()) {
    if (missing <= 0) break;
    const { offset, found } = await findTail(file, missing);
    parts.unshift({ file, offset });
    missing -= found;
  }
  for (const { file, offset } of parts) {
    for await (const entry of readEntries(file, offset))
      if (query.since === undefined || entry.at >= query.since) yield entry;
  }
}

async function* readAfter(snapshot: LogSnapshot, after: number): AsyncGenerator<LogEvent> {
  const firsts = await Promise.all(snapshot.files.map(firstPosition));
  // The newest file that begins at or before the position holds it; without one it was rotated away.
  const holding = firsts.findLastIndex((first) => first !== null && first <= after);
  let gapTold = holding !== -1;
  for (const file of snapshot.files.slice(Math.max(0, holding))) {
    for await (const entry of readEntries(file, 0)) {
      if (entry.position <= after) continue;
      if (!gapTold && snapshot.files.length === limits.logFilesMax)
        yield { type: 'skipped', position: entry.position - 1, lines: null };
      gapTold = true;
      yield entry;
    }
  }
}

async function firstPosition(file: OpenLogFile): Promise<number | null> {
  for await (const entry of readEntries(
    { ...file, bytes: Math.min(file.bytes, limits.logStoredLineBytesMax) },
    0,
  ))
    return entry.position;
  return null;
}

/** History of a log that nobody in this process writes; for one that is written, ask its AppLog. */
export async function* readAppLog(dir: string, query: LogQuery): AsyncGenerator<LogEvent> {
  await using snapshot = await openLogSnapshot(dir);
  yield* readSnapshot(snapshot, query);
}
