// Ctrl-C and its kin: the first asks the work to end in order, the second leaves at once (spec 20). Knows no signals of
// the operating system; main.ts feeds it.
import { TakoError } from '@tako/config/tako-error';

export interface Interruption {
  /** Aborted by the first interrupt, with INTERRUPTED. */
  readonly first: AbortSignal;
  /** Aborted by the second. */
  readonly second: AbortSignal;
  /** 1 for the first, 2 for the second, …; 0 for a key that belongs to somebody else at the moment. */
  interrupt(from: 'key' | 'signal'): number;
  /** Ctrl-C goes to another program (a pager) until the returned function is called. */
  lendKey(): () => void;
}

export function createInterruption(): Interruption {
  const first = new AbortController();
  const second = new AbortController();
  let count = 0;
  let lent = false;
  return {
    first: first.signal,
    second: second.signal,
    interrupt: (from) => {
      if (lent && from === 'key') return 0;
      count += 1;
      const controller = count === 1 ? first : second;
      controller.abort(new TakoError('INTERRUPTED', 'interrupted', { details: { times: count } }));
      return count;
    },
    lendKey: () => {
      lent = true;
      return () => {
        lent = false;
      };
    },
  };
}
