// The one error of Tako: a fact with a code, the thing concerned and the next step. Codes are registered in
// @tako/protocol/errors, which alone knows their source, exit code and page; this class knows none of them.

export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface TakoErrorOptions {
  /** The next step, as a sentence a person can follow. */
  readonly hint?: string | undefined;
  /** JSON values only: they cross the management socket. Never a secret. */
  readonly details?: ErrorDetails | undefined;
  readonly cause?: unknown;
}

export class TakoError extends Error {
  override readonly name = 'TakoError';
  /** Stable, UPPER_SNAKE; documented in docs/errors.md under its own heading. */
  readonly code: string;
  readonly hint: string | null;
  readonly details: ErrorDetails;

  constructor(code: string, message: string, options: TakoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? null;
    this.details = Object.freeze({ ...options.details });
  }
}

/** True for a TakoError, of this copy of the class or another (two copies of the package may be loaded). */
export function isTakoError(value: unknown): value is TakoError {
  return (
    value instanceof Error && value.name === 'TakoError' && 'code' in value && typeof value.code === 'string'
  );
}
