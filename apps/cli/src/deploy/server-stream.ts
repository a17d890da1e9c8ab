// What the streams of a deploy's server calls share: a deadline, and the error of one that ended without its last event.
import { TakoError } from '@tako/config';

export function withDeadline(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

export function streamCut(server: string, what: string): TakoError {
  return new TakoError(
    'CONNECTION_LOST',
    `the connection to ${server} ended before it said that it ${what}`,
    {
      hint: 'Nothing was rolled out. Run the same command again.',
      details: { server },
    },
  );
}
