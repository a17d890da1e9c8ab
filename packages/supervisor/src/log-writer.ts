// Appends to an app's log in batches, rotates it, and outlives a full disk: what cannot be written is dropped and
// counted, and the count is written when writing works again. Nobody ever waits for it but its own close.
import type { FileHandle } from 'node:fs/promises';
import { limits } from './limits.ts';
import { formatLogEntry, type LogEntry } from './log-entry.ts';
import { openCurrentLog, rotateLogs } from './log-files.ts';
import { within } from './timing.ts';

type QueuedWork =
  | { readonly kind: 'line'; readonly text: string; readonly bytes: number; readonly position: number }
  /** Runs when all before it was written and nothing after it. */
  | { readonly kind: 'barrier'; readonly run: () => Promise<void> };

type DropReason = 'they came after the end' | 'the disk is too slow' | 'the log could not be written';

export class LogWriter {
  readonly #dir: string;
  readonly #nextPosition: () => number;
  #queue: QueuedWork[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | null = null;
  #handle: FileHandle | null = null;
  #fileBytes = 0;
  #dropped = 0;
  #dropReason = '';
  /** On the monotonic clock: a wall clock set back must not silence the log. */
  #retryAt = 0;
  #retryTimer: NodeJS.Timeout | null = null;
  #closed = false;

  /** `nextPosition`: for the lines that it writes itself. */
  constructor(dir: string, nextPosition: () => number) {
    this.#dir = dir;
    this.#nextPosition = nextPosition;
  }

  /** Lines dropped and not yet reported in the log. */
  get dropped(): number {
    return this.#dropped;
  }

  write(entry: Omit<LogEntry, 'type'>): void {
    const text = formatLogEntry(entry);
    const bytes = Buffer.byteLength(text);
    if (this.#closed || this.#queuedBytes + bytes > limits.logQueueBytesMax) {
      this.#drop(1, this.#closed ? 'they came after the end' : 'the disk is too slow');
      return;
    }
    this.#queuedBytes += bytes;
    this.#enqueue({ kind: 'line', text, bytes, position: entry.position });
  }

  /** Runs `work` between two lines; the writer waits for it, so it must be short. */
  atThisPoint(work: () => Promise<void>): void {
    this.#enqueue({ kind: 'barrier', run: work });
  }

  /** Writes what is queued, at most `logCloseMs`. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#clearRetry();
    this.#retryAt = 0;
    if (this.#dropped > 0) this.#running ??= this.#run();
    if (this.#running !== null) await within(this.#running, limits.logCloseMs);
    await this.#closeFile();
    this.#clearRetry();
  }

  #enqueue(work: QueuedWork): void {
    this.#queue.push(work);
    this.#running ??= this.#run();
  }

  #drop(lines: number, reason: DropReason, detail = ''): void {
    this.#dropped += lines;
    this.#dropReason = `${reason}${detail}`;
  }

  async #run(): Promise<void> {
    // Whatever else is said in this turn of the event loop goes into the same write.
    await Promise.resolve();
    do {
      const position = this.#queue.find((work) => work.kind === 'line')?.position;
      const { lines, barrier } = this.#takeBatch();
      if (lines.length > 0 || this.#dropped > 0) await this.#writeBatch(lines, position);
      if (barrier !== null) await barrier();
    } while (this.#queue.length > 0);
    this.#running = null;
  }

  #takeBatch(): { lines: string[]; barrier: (() => Promise<void>) | null } {
    const lines: string[] = [];
    let bytes = 0;
    let taken = 0;
    let barrier: (() => Promise<void>) | null = null;
    for (const work of this.#queue) {
      if (work.kind === 'line' && bytes > 0 && bytes + work.bytes > limits.logBatchBytesMax) break;
      taken += 1;
      if (work.kind === 'barrier') {
        barrier = work.run;
        break;
      }
      lines.push(work.text);
      bytes += work.bytes;
    }
    this.#queue = this.#queue.slice(taken);
    this.#queuedBytes -= bytes;
    return { lines, barrier };
  }

  /** `position`: of the first line that is not written yet; a marker stands right before it. */
  async #writeBatch(lines: readonly string[], position: number | undefined): Promise<void> {
    if (performance.now() < this.#retryAt) {
      // For the reason that the attempt before failed for.
      this.#dropped += lines.length;
      this.#retryLater();
      return;
    }
    const dropped = this.#dropped;
    const at = position === undefined ? this.#nextPosition() : position - 1;
    const marker = dropped === 0 ? '' : this.#marker(dropped, at);
    try {
      await this.#append(Buffer.from(marker + lines.join('')));
      this.#dropped -= dropped;
      this.#retryAt = 0;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      this.#drop(lines.length, 'the log could not be written', ` (${code})`);
      this.#retryAt = performance.now() + limits.logRetryMs;
      this.#retryLater();
      await this.#abandonFile();
    }
  }

  #marker(lines: number, position: number): string {
    const text = `${lines} ${lines === 1 ? 'line' : 'lines'} dropped: ${this.#dropReason}`;
    return formatLogEntry({ at: Date.now(), position, stream: 'tako', instance: '', version: '', text });
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#handle === null) await this.#open();
    if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > limits.logFileBytesMax) {
      await this.#closeFile();
      await rotateLogs(this.#dir);
      await this.#open();
    }
    for (let written = 0; written < bytes.length;) {
      const result = await this.#handle?.write(bytes, written);
      written += result?.bytesWritten ?? 0;
    }
    this.#fileBytes += bytes.length;
  }

  async #open(): Promise<void> {
    const { handle, bytes } = await openCurrentLog(this.#dir);
    this.#handle = handle;
    this.#fileBytes = bytes;
  }

  /** Half a batch may be in the file: cut it off, so that no torn line and no uncounted one remains. */
  async #abandonFile(): Promise<void> {
    await this.#handle?.truncate(this.#fileBytes).catch(() => {
      // The disk is gone altogether; opening again will end the torn line.
    });
    await this.#closeFile();
  }

  async #closeFile(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => {
      // A deferred write error (close(2)): the lines are lost, and nothing is left to do about them.
    });
  }

  /** An app that has fallen silent must still get its marker. */
  #retryLater(): void {
    if (this.#closed) return;
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = null;
      this.#running ??= this.#run();
    }, limits.logRetryMs);
  }

  #clearRetry(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }
}
