// The log of one app, for whoever writes, reads and follows it in this process. Its files and their rotation are
// log-writer.ts and log-files.ts.
import { TakoError } from '@tako/config';
import { limits } from './limits.ts';
import type { LogEntry, LogEvent } from './log-entry.ts';
import { type LogSnapshot, openLogSnapshot } from './log-files.ts';
import { type LogQuery, readSnapshot } from './log-history.ts';
import { createLogPositions, type LogPositions, readLastPosition } from './log-position.ts';
import { LogSubscription } from './log-subscription.ts';
import { LogWriter } from './log-writer.ts';

export class AppLog implements AsyncDisposable {
  readonly dir: string;
  readonly #writer: LogWriter;
  readonly #positions: LogPositions;
  readonly #followers = new Set<LogSubscription>();

  /** Nothing is opened for writing before the first line is written. */
  constructor(dir: string) {
    this.dir = dir;
    this.#positions = createLogPositions(readLastPosition(dir));
    this.#writer = new LogWriter(dir, () => this.#positions.next());
  }

  /** Lines that could not be written and are not reported in the log yet. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  /** Never waits, never throws for what happens to the disk. */
  append(entry: Omit<LogEntry, 'type' | 'position'>): void {
    const event: LogEntry = { ...entry, type: 'entry', position: this.#positions.next() };
    this.#writer.write(event);
    for (const follower of this.#followers) follower.push(event);
  }

  /** What was appended so far, oldest first. */
  async *read(query: LogQuery): AsyncGenerator<LogEvent> {
    await using snapshot = await this.#snapshotHere();
    yield* readSnapshot(snapshot, query);
  }

  /**
   * History, `following`, then what is appended from the first read on: no line is lost or repeated between the two,
   * whatever is rotated meanwhile. A reader slower than the app gets `skipped`. Ends with the signal or `close`; who
   * then asks for what comes `after` the position of the last event goes on where it was.
   * Throws LOG_FOLLOWERS_EXCEEDED.
   */
  async *follow(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogEvent> {
    if (this.#followers.size >= limits.logFollowersMax) {
      throw new TakoError(
        'LOG_FOLLOWERS_EXCEEDED',
        `${limits.logFollowersMax} readers follow this log already`,
        {
          hint: 'End one of them, or read the log without following it.',
          details: { limit: limits.logFollowersMax },
        },
      );
    }
    const subscription = new LogSubscription();
    try {
      // Both at this very point between two lines: the subscription begins where the snapshot ends.
      this.#followers.add(subscription);
      const { last } = this.#positions;
      await using snapshot = await this.#snapshotHere();
      for await (const entry of readSnapshot(snapshot, query)) {
        if (signal.aborted) return;
        yield entry;
      }
      yield { type: 'following', position: Math.max(last, query.after ?? 0) };
      yield* subscription.read(signal);
    } finally {
      subscription.close();
      this.#followers.delete(subscription);
    }
  }

  /** Writes what is queued, ends its followers. */
  async close(): Promise<void> {
    for (const follower of this.#followers) follower.close();
    await this.#writer.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #snapshotHere(): Promise<LogSnapshot> {
    return new Promise((resolve, reject) => {
      this.#writer.atThisPoint(() => openLogSnapshot(this.dir).then(resolve, reject));
    });
  }
}

/** Opens the log of an app in `dir` (`shared/logs`); one writer for each directory. */
export function openAppLog(dir: string): AppLog {
  return new AppLog(dir);
}
