// Writes batches of log text to a file or to standard output: one write at a time, in the thread pool, so that a
// slow disk or reader never holds up a request. What does not fit the buffer is dropped and counted.
import { close, open, write } from 'node:fs';

export type LogDestination = { readonly kind: 'stdout' } | { readonly kind: 'file'; readonly path: string };

export interface LogSinkOptions {
  readonly destination: LogDestination;
  readonly bufferBytesMax: number;
  readonly failed: (error: Error) => void;
}

export class LogSink {
  readonly #options: LogSinkOptions;
  #fd: number | null = null;
  #pending: string[] = [];
  #pendingBytes = 0;
  #busy = false;
  #reopen = true;
  #dropped = 0;
  #idle: (() => void)[] = [];

  constructor(options: LogSinkOptions) {
    this.#options = options;
  }

  /** Lines lost so far, because the buffer was full or the write failed. */
  get dropped(): number {
    return this.#dropped;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Takes the line, or drops it. */
  push(line: string): void {
    if (this.#pendingBytes + line.length > this.#options.bufferBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
  }

  /** Opens the file anew before the next write (it was rotated away). */
  reopen(): void {
    this.#reopen = true;
  }

  flush(): void {
    if (this.#busy || this.#pending.length === 0) return;
    this.#busy = true;
    const lines = this.#pending.length;
    const batch = Buffer.from(this.#pending.join(''), 'utf8');
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#opened((fd) => {
      if (fd === null) this.#done(lines);
      else this.#write({ fd, batch, lines, offset: 0 });
    });
  }

  /** Everything pushed so far is written or lost, and the file is closed. */
  async close(): Promise<void> {
    this.flush();
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#pending.length > 0) {
      await this.close();
      return;
    }
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null && fd > 2) await new Promise<void>((resolve) => close(fd, () => resolve()));
  }

  #write(job: { fd: number; batch: Buffer; lines: number; offset: number }): void {
    write(job.fd, job.batch, job.offset, job.batch.length - job.offset, null, (error, written) => {
      if (error !== null) {
        this.#options.failed(error);
        this.#done(job.lines);
      } else if (job.offset + written < job.batch.length) {
        this.#write({ ...job, offset: job.offset + written });
      } else {
        this.#done(0);
      }
    });
  }

  #done(lost: number): void {
    this.#dropped += lost;
    this.#busy = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #opened(then: (fd: number | null) => void): void {
    const { destination } = this.#options;
    if (destination.kind === 'stdout') {
      this.#fd = 1;
      then(1);
      return;
    }
    if (!this.#reopen && this.#fd !== null) {
      then(this.#fd);
      return;
    }
    const before = this.#fd;
    open(destination.path, 'a', 0o640, (error, fd) => {
      if (error !== null) {
        this.#options.failed(error);
        then(before);
        return;
      }
      this.#reopen = false;
      this.#fd = fd;
      if (before !== null) close(before, () => undefined);
      then(fd);
    });
  }
}
