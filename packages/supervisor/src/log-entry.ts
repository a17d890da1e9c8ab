// One line of an app's log: the value, and its form in the file. The shapes are those of the management API
// (packages/protocol, operations.ts), declared again because the supervisor knows nothing of the protocol.
import { positionOfTime } from './log-position.ts';

export interface LogEntry {
  readonly type: 'entry';
  /** Where it stands in the log: grows from line to line, over rotations and daemons. See log-position.ts. */
  readonly position: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly stream: 'stdout' | 'stderr' | 'tako';
  readonly instance: string;
  readonly version: string;
  readonly text: string;
}

export type LogEvent =
  | LogEntry
  /** Lines that this reader misses: it was too slow, or (null: nobody knows how many) they were rotated away. */
  | { readonly type: 'skipped'; readonly position: number; readonly lines: number | null }
  /** History ends here; what comes now is new. */
  | { readonly type: 'following'; readonly position: number };

/** `{"time":"2026-01-31T12:00:00.000Z","position":…,"stream":"stdout","instance":"…","version":"…","text":"…"}` and a line feed. */
export function formatLogEntry(entry: Omit<LogEntry, 'type'>): string {
  const { at, position, stream, instance, version, text } = entry;
  return `${JSON.stringify({ time: new Date(at).toISOString(), position, stream, instance, version, text })}\n`;
}

/** Lines of a daemon that wrote none get the position of their time. */
function readPosition(value: unknown, at: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : positionOfTime(at);
}

function isStream(value: unknown): value is LogEntry['stream'] {
  return value === 'stdout' || value === 'stderr' || value === 'tako';
}

/** null for what is no entry: a line torn by a crash, or somebody's edit. */
export function parseLogEntry(line: string): LogEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Torn or edited: reading goes on behind it.
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { time, position, stream, instance, version, text }: Partial<Record<string, unknown>> = { ...value };
  if (typeof time !== 'string' || !isStream(stream) || typeof text !== 'string') return null;
  if (typeof instance !== 'string' || typeof version !== 'string') return null;
  const at = Date.parse(time);
  if (Number.isNaN(at)) return null;
  return { type: 'entry', position: readPosition(position, at), at, stream, instance, version, text };
}
