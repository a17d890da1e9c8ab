// The daemon's own log: pino, JSON lines on stderr, secrets redacted by path. Fixed past-tense sentences.
import { pino } from 'pino';
import type { Logger } from 'pino';

export type Log = Logger;
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Synchronous: what was logged before a crash is on the disk or in the journal. */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['secrets', '*.secrets', 'token', '*.token', 'privateKey', '*.privateKey'],
        censor: '[redacted]',
      },
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
