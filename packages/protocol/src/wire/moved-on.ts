// A server that handed over while a call waited says so: nothing was done, and the same call on a new connection meets its
// successor. The one refusal that the client answers by itself.
import { TakoError, isTakoError } from '@tako/config/tako-error';

const moved = 'successor';

export function movedOn(): TakoError {
  return new TakoError('SERVER_BUSY', 'the server was reloaded while the call waited', {
    hint: 'make the same call again',
    details: { askAgain: moved },
  });
}

export function hasMovedOn(error: unknown): boolean {
  return isTakoError(error) && error.code === 'SERVER_BUSY' && error.details['askAgain'] === moved;
}
