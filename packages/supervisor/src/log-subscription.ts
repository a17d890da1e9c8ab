// What one follower of a log has not read yet, bounded: a slow reader skips lines and is told how many; the writer
// never waits for it.
import { limits } from './limits.ts';
import type { LogEntry, LogEvent } from './log-entry.ts';

export class LogSubscription {
  #waiting: LogEvent[] = [];
  #entries = 0;
  #characters = 0;
  #skipped = 0;
  #skippedTo = 0;
  #wake: (() => void) | null = null;
  #closed = false;

  push(entry: LogEntry): void {
    // Once it skips, it skips until half is read: one long gap is easier to understand than thousands of short ones.
    const share = this.#skipped > 0 ? 2 : 1;
    const room =
      this.#entries < limits.logFollowerEntriesMax / share &&
      this.#characters + entry.text.length <= limits.logFollowerCharactersMax / share;
    if (this.#closed) return;
    if (room) {
      this.#tellSkipped();
      this.#waiting.push(entry);
      this.#entries += 1;
      this.#characters += entry.text.length;
    } else {
      this.#skipped += 1;
      this.#skippedTo = entry.position;
    }
    this.#wake?.();
  }

  /** No more will come; the reader ends when it has read the rest. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /** Ends with the signal or after `close`. One reader only. */
  async *read(signal: AbortSignal): AsyncGenerator<LogEvent> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (this.#waiting.length === 0) this.#tellSkipped();
        const batch = this.#waiting;
        this.#waiting = [];
        if (batch.length === 0 && this.#closed) return;
        for (const event of batch) {
          this.#release(event);
          yield event;
          if (signal.aborted) return;
        }
        if (batch.length === 0) await this.#next(signal);
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #tellSkipped(): void {
    if (this.#skipped === 0) return;
    this.#waiting.push({ type: 'skipped', position: this.#skippedTo, lines: this.#skipped });
    this.#skipped = 0;
  }

  #release(event: LogEvent): void {
    if (event.type !== 'entry') return;
    this.#entries -= 1;
    this.#characters -= event.text.length;
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
      if (signal.aborted || this.#closed || this.#waiting.length > 0 || this.#skipped > 0) this.#wake();
    });
  }
}
