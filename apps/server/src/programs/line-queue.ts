// Lines between a program that writes as it likes and a reader that reads as it can: bounded, with a counted marker
// for what was dropped. One reader.
import { programLimits } from './limits.ts';

export interface ProgramLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export class LineQueue implements AsyncIterable<ProgramLine> {
  readonly #lines: ProgramLine[] = [];
  #skipped = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  /** Never blocks. */
  push(line: ProgramLine): void {
    if (this.#lines.length >= programLimits.queueLinesMax) this.#skipped += 1;
    else this.#lines.push(line);
    this.#notify();
  }

  /** What is queued is still read. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProgramLine, void, undefined> {
    for (;;) {
      // Taken at once: shifting one by one from a full queue would be quadratic.
      const lines = this.#lines.splice(0);
      const skipped = this.#skipped;
      this.#skipped = 0;
      yield* lines;
      if (skipped > 0) yield { stream: 'stderr', text: `[${skipped} lines skipped]` };
      if (this.#lines.length > 0 || this.#skipped > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
