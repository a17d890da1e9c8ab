// Asks the registry about a code or an error. Knows no wire and no page.
import { isTakoError } from '@tako/config/tako-error';
import { errorRegistry, type ErrorCode, type ErrorSpec, type ExitCode } from './registry.ts';

/** True for a code of this version's registry (a newer server may know more). */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorRegistry, code);
}

/** The registry's row of a code; null for one that this version does not know. */
export function errorSpec(code: string): ErrorSpec | null {
  return isErrorCode(code) ? errorRegistry[code] : null;
}

/** True when the same call, a little later and unchanged, may succeed. Unknown codes and foreign errors: false. */
export function isRetryable(error: unknown): boolean {
  return isTakoError(error) && (errorSpec(error.code)?.retryable ?? false);
}

/** What the process exits with (spec 20): the code's own, 130 for an abort, 1 for anything else. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isTakoError(error)) return errorSpec(error.code)?.exitCode ?? 1;
  return error instanceof Error && error.name === 'AbortError' ? 130 : 1;
}
