// The one door by which SQLite's errors become facts. Knows result codes (sqlite.org/rescode.html), no tables.
import { TakoError, isTakoError } from '@tako/config';

/** SQLite's extended code (`SQLITE_CORRUPT_INDEX`…), also when drizzle wrapped the error; null for anything else. */
export function sqliteCode(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && at.code.startsWith('SQLITE_')) return at.code;
  }
  return null;
}

/** `ENOENT`, `SQLITE_BUSY`…; undefined when the error has no code. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sqliteMessage(error: unknown): string {
  let message = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) message = at.message;
  return message;
}

/** Returns what to throw: STATE_CORRUPT, STATE_UNAVAILABLE, or the error itself when it is not SQLite's. */
export function toStateError(error: unknown, file: string): unknown {
  if (isTakoError(error)) return error;
  const code = sqliteCode(error);
  if (code === null) return error;
  const details = { file, sqliteCode: code };
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return corruptState(file, [sqliteMessage(error)], error);
  }
  if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|PERM|NOMEM)/.test(code)) {
    return new TakoError(
      'STATE_UNAVAILABLE',
      `The state in ${file} could not be read or written: ${sqliteMessage(error)}.`,
      {
        hint: 'Look at free space, permissions and the disk (`df`, `dmesg`); nothing was changed, so the same call can be repeated.',
        details,
        cause: error,
      },
    );
  }
  return error;
}

export function corruptState(file: string, problems: readonly string[], cause?: unknown): TakoError {
  return new TakoError('STATE_CORRUPT', `${file} is damaged: ${problems[0] ?? 'unreadable'}.`, {
    hint: 'tako-server moves it aside and goes on from the newest good backup.',
    details: { file, problems: problems.slice(0, 10) },
    cause,
  });
}

/** Runs `work`; whatever SQLite throws leaves as a TakoError. */
export function withStateErrors<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStateError(error, file);
  }
}
