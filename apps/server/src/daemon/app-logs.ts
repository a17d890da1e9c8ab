// The logs of all deployments: one writer each, readers for the API, and the kept output of builds that never
// got healthy.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { LogEvent, LogsInput } from '@tako/protocol';
import { openAppLog, readAppLog } from '@tako/supervisor';
import type { AppLog, OutputLine } from '@tako/supervisor';
import { startOutputLinesMax } from '../limits.ts';
import type { Log } from '../log.ts';

export class AppLogs {
  readonly #dataDir: string;
  readonly #log: Log;
  readonly #writers = new Map<string, AppLog>();

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  directory(deploymentId: string): string {
    return path.join(this.#dataDir, 'apps', deploymentId, 'shared', 'logs');
  }

  /** Never blocks, never throws: what cannot be written is counted by the writer. */
  write(deploymentId: string, line: OutputLine, instance: string, version: string): void {
    this.#open(deploymentId).append({ at: line.at, stream: line.stream, instance, version, text: line.text });
  }

  read(input: LogsInput, signal: AbortSignal): AsyncIterable<LogEvent> {
    const query = { lines: input.lines, since: input.since, after: input.after };
    const log = this.#open(input.deploymentId);
    return input.follow ? log.follow(query, signal) : log.read(query);
  }

  #open(deploymentId: string): AppLog {
    const open = this.#writers.get(deploymentId) ?? openAppLog(this.directory(deploymentId));
    this.#writers.set(deploymentId, open);
    return open;
  }

  /** Keeps the output of a start that failed as that release's log, replacing an older failure's. */
  async keepStartOutput(deploymentId: string, version: string, lines: readonly OutputLine[]): Promise<void> {
    const directory = this.#releaseLog(deploymentId, version);
    try {
      await rm(directory, { recursive: true, force: true });
      await using log = openAppLog(directory);
      for (const { at, stream, text } of lines) log.append({ at, stream, instance: '', version, text });
    } catch (error) {
      // A full disk must not turn a failed start into a failed revert.
      this.#log.warn(
        { err: error, app: deploymentId, release: version },
        'output of a failed start could not be kept',
      );
    }
  }

  /** Nothing when that version never failed to start. */
  releaseLog(deploymentId: string, version: string): AsyncIterable<LogEvent> {
    return readAppLog(this.#releaseLog(deploymentId, version), { lines: startOutputLinesMax });
  }

  async close(deploymentId: string): Promise<void> {
    const writer = this.#writers.get(deploymentId);
    this.#writers.delete(deploymentId);
    await writer?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#writers.keys()].map((id) => this.close(id)));
  }

  #releaseLog(deploymentId: string, version: string): string {
    return path.join(this.directory(deploymentId), 'releases', version);
  }
}
