// What an instance writes, from its FIFOs to its owner: joins output-fifos.ts (where bytes come from) and
// output-lines.ts (what they mean), and knows when all of it was read.
import type { OutputLine, PartialLines } from './instance.types.ts';
import { limits } from './limits.ts';
import { type FifoReader, fifoPath, readFifo } from './output-fifos.ts';
import { OutputLines } from './output-lines.ts';
import { within } from './timing.ts';

export interface InstanceOutputOptions {
  readonly onLine: (line: OutputLine) => void;
  /** Its readiness line was read by somebody before. */
  readonly saidReady: boolean;
  /** Lines begun before another reader. */
  readonly partial: PartialLines;
}

export class InstanceOutput {
  /** The port the app said; never settles when it says none. */
  readonly whenSaidReady: Promise<number>;
  /** Both FIFOs ended: nobody holds them any more. Pending while not attached. */
  readonly whenEnded: Promise<void>;
  readonly #lines: OutputLines;
  readonly #end = Promise.withResolvers<void>();
  #readers: readonly FifoReader[] = [];
  #finished = false;

  constructor({ onLine, saidReady, partial }: InstanceOutputOptions) {
    const ready = Promise.withResolvers<number>();
    this.whenSaidReady = ready.promise;
    this.whenEnded = this.#end.promise;
    this.#lines = new OutputLines({ onLine, onReady: ready.resolve, saidReady });
    this.#lines.push('stdout', Buffer.from(partial.stdout, 'base64'));
    this.#lines.push('stderr', Buffer.from(partial.stderr, 'base64'));
  }

  get lastLines(): readonly string[] {
    return this.#lines.lastLines;
  }

  /** Starts reading. The FIFOs must exist, and have a writer, or they look ended at once (fifo(7)). */
  attach(runDir: string): void {
    const stdout = readFifo(fifoPath(runDir, 'stdout'), (chunk) => this.#lines.push('stdout', chunk));
    this.#readers = [stdout];
    const stderr = readFifo(fifoPath(runDir, 'stderr'), (chunk) => this.#lines.push('stderr', chunk));
    this.#readers = [stdout, stderr];
    void Promise.all([stdout.whenEnded, stderr.whenEnded]).then(() => this.#end.resolve());
  }

  /** Reads what there is to read, at most `outputDrainMs`, then closes. Idempotent. */
  async finish(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#readers.length > 0) await within(this.whenEnded, limits.outputDrainMs);
    for (const reader of this.#readers) reader.close();
    this.#lines.end();
  }

  /** Stops reading at this byte: what is in the FIFOs stays there for the next reader. */
  detach(): PartialLines {
    this.#finished = true;
    for (const reader of this.#readers) reader.close();
    const { stdout, stderr } = this.#lines.takeHeld();
    return { stdout: stdout.toString('base64'), stderr: stderr.toString('base64') };
  }
}
