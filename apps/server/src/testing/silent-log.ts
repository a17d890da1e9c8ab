// A log for tests that keeps what it is told.
import { pino } from 'pino';
import type { Log } from '../log.ts';

export interface RecordedLine {
  readonly level: number;
  readonly msg: string;
  readonly [fact: string]: unknown;
}

export function recordingLog(): { log: Log; lines: RecordedLine[] } {
  const lines: RecordedLine[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (text: string) => lines.push(JSON.parse(text)) });
  return { log, lines };
}
