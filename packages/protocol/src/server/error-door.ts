// The one door through which anything thrown becomes a TakoError. What Tako did not foresee crosses as INTERNAL with
// an incident id and nothing of its text or stack; the cause goes to the daemon's log through `onInternalError`.
import { randomBytes } from 'node:crypto';
import { TakoError, isTakoError } from '@tako/config';
import { TRPCError } from '@trpc/server';
import { z } from 'zod';
import { invalidInput, unreadableRequest } from './invalid-input.ts';

export interface InternalErrorReport {
  /** Also in the client's message, so that the two can be matched. */
  readonly incidentId: string;
  /** The procedure, or method and path of an artifact request. */
  readonly where: string;
  readonly cause: unknown;
}
export type OnInternalError = (report: InternalErrorReport) => void;

export interface ThrownIn {
  readonly where: string;
  /** The raw input, for INVALID_INPUT to say what was found. */
  readonly input?: unknown;
  /** The client went away: an AbortError is then no incident. */
  readonly aborted?: boolean;
}

export type ToTakoError = (thrown: unknown, place: ThrownIn) => TakoError;

export function createErrorDoor(onInternalError: OnInternalError): ToTakoError {
  return function toTakoError(thrown, place) {
    if (isTakoError(thrown)) return thrown;
    if (thrown instanceof TRPCError) {
      const known = fromTrpc(thrown, place);
      if (known !== null) return known;
      if (thrown.cause !== undefined) return toTakoError(thrown.cause, place);
    }
    if (place.aborted === true && thrown instanceof Error && thrown.name === 'AbortError') {
      return new TakoError('INTERRUPTED', `${place.where}: the client ended the call`);
    }
    const incidentId = randomBytes(6).toString('hex');
    onInternalError({ incidentId, where: place.where, cause: thrown });
    return new TakoError(
      'INTERNAL',
      `${place.where} failed for a reason that Tako did not foresee (incident ${incidentId})`,
      {
        hint: `The server's log has the cause under incident ${incidentId}.`,
        details: { incidentId },
      },
    );
  };
}

/** What tRPC itself throws before a procedure runs. Its INTERNAL_SERVER_ERROR is the wrapping of what a procedure threw. */
function fromTrpc(error: TRPCError, { where, input }: ThrownIn): TakoError | null {
  switch (error.code) {
    case 'INTERNAL_SERVER_ERROR':
      return null;
    case 'NOT_FOUND':
      return new TakoError('PROCEDURE_NOT_AVAILABLE', `the server has no procedure ${where}`, {
        hint: 'Upgrade the server: tako servers upgrade.',
        details: { procedure: where },
      });
    case 'PAYLOAD_TOO_LARGE':
      return new TakoError('REQUEST_TOO_LARGE', `${where}: the request is too large`);
    default:
      return error.cause instanceof z.core.$ZodError
        ? invalidInput(where, error.cause.issues, input)
        : unreadableRequest(`${where}: the request is not a readable call (${error.code})`);
  }
}
