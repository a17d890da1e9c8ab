// A TakoError as it crosses the socket, and back. Stable in every protocol version. What is not a fact for the other
// side (stack, cause, values that JSON cannot say) stays here; text is bounded. Knows no HTTP and no tRPC.
import { TakoError, type ErrorDetails } from '@tako/config/tako-error';
import { isRetryable } from '../errors/error-spec.ts';
import { protocolLimits } from '../limits.ts';

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: ErrorDetails;
  readonly retryable: boolean;
}

export function toWireError(error: TakoError): WireError {
  return {
    code: error.code,
    message: cutText(error.message),
    hint: error.hint === null ? null : cutText(error.hint),
    details: jsonDetails(error.details),
    retryable: isRetryable(error),
  };
}

/** The error in the words of the server; null when the value is not a wire error. */
export function fromWireError(value: unknown): TakoError | null {
  if (!isObject(value)) return null;
  const { code, message, hint, details } = value;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,63}$/.test(code) || typeof message !== 'string')
    return null;
  return new TakoError(code, cutText(message), {
    hint: typeof hint === 'string' ? cutText(hint) : undefined,
    details: isObject(details) ? details : undefined,
  });
}

/** For a header (HEAD has no body): without details, short enough for any header limit. */
export function toHeaderError(error: TakoError): string {
  const { code, message, hint } = toWireError(error);
  return encodeURIComponent(
    JSON.stringify({ code, message: message.slice(0, 500), hint: hint?.slice(0, 500) ?? null }),
  );
}

export function fromHeaderError(header: string): TakoError | null {
  try {
    return fromWireError(JSON.parse(decodeURIComponent(header)));
  } catch {
    // Not ours: the caller then reports the status alone.
    return null;
  }
}

function cutText(text: string): string {
  const whole = text.toWellFormed();
  const max = protocolLimits.errorTextCharsMax;
  return whole.length <= max ? whole : `${whole.slice(0, max)}… (cut)`;
}

function jsonDetails(details: ErrorDetails): ErrorDetails {
  try {
    const text = JSON.stringify(details);
    if (text.length > protocolLimits.errorDetailsCharsMax) return { cut: true, characters: text.length };
    const plain: unknown = JSON.parse(text);
    return isObject(plain) ? plain : {};
  } catch {
    // A cycle or a bigint: details are a courtesy, the error itself must arrive.
    return { cut: true };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
