// A fuzz target and the loop that runs one for a time or a number of inputs. Knows no grammar.
import { Mutator } from './mutator.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly corpus: readonly Buffer[];
  /** Throws where an invariant does not hold for the bytes. */
  readonly check: (bytes: Buffer, mutator: Mutator) => void;
}

export interface FuzzRun {
  readonly seed: number;
  readonly milliseconds: number;
}

/** Runs the target until the time is over; returns how many inputs it saw. Throws with the input that failed. */
export function runFuzzTarget(target: FuzzTarget, run: FuzzRun): number {
  const mutator = new Mutator(run.seed, target.corpus);
  const deadline = performance.now() + run.milliseconds;
  let inputs = 0;
  while (inputs % 256 !== 0 || performance.now() < deadline) {
    const bytes = mutator.next();
    try {
      target.check(bytes, mutator);
    } catch (error) {
      throw new Error(
        `${target.name} failed, seed ${run.seed}, input ${inputs}: ${JSON.stringify(bytes.toString('latin1'))}`,
        {
          cause: error,
        },
      );
    }
    inputs += 1;
  }
  return inputs;
}
