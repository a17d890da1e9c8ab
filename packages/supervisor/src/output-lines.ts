// From bytes of stdout and stderr to lines: cut, gated, the readiness line taken out, the last ones kept as evidence.
// Knows nothing of FIFOs, processes or log files.
import type { OutputLine } from './instance.types.ts';
import { limits } from './limits.ts';
import { LineSplitter } from './line-splitter.ts';
import { OutputGate } from './output-gate.ts';

const readinessPrefix = Buffer.from('TAKO:READY:');
const readinessBytesMax = readinessPrefix.length + 5;

/** The port of a line `TAKO:READY:<port>` (spec 60), else null. */
export function parseReadinessLine(line: Buffer): number | null {
  if (line.length > readinessBytesMax || !line.subarray(0, readinessPrefix.length).equals(readinessPrefix))
    return null;
  const digits = line.toString('latin1', readinessPrefix.length);
  if (!/^[1-9]\d{0,4}$/.test(digits)) return null;
  const port = Number(digits);
  return port <= 65_535 ? port : null;
}

export interface OutputLinesOptions {
  readonly onLine: (line: OutputLine) => void;
  /** Called once, with the port of the first readiness line; later ones are ordinary output. */
  readonly onReady: (port: number) => void;
  /** It said so to an earlier reader: every line is ordinary output. */
  readonly saidReady?: boolean;
}

export class OutputLines {
  readonly #stdout: LineSplitter;
  readonly #stderr: LineSplitter;
  readonly #options: OutputLinesOptions;
  readonly #gate = new OutputGate({
    bytesMax: limits.outputBytesPerSecondMax,
    linesMax: limits.outputLinesPerSecondMax,
    windowMs: limits.outputWindowMs,
  });
  readonly #last: string[] = [];
  #markerTimer: NodeJS.Timeout | null = null;
  #saidReady: boolean;

  constructor(options: OutputLinesOptions) {
    this.#options = options;
    this.#saidReady = options.saidReady ?? false;
    this.#stdout = new LineSplitter(limits.lineBytesMax, (line) => this.#onStdout(line));
    this.#stderr = new LineSplitter(limits.lineBytesMax, (line) => this.#take('stderr', line));
  }

  /** The last lines, oldest first, each shortened: evidence, not the log. */
  get lastLines(): readonly string[] {
    return [...this.#last];
  }

  /** The chunk is only looked at during the call. */
  push(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const splitter = stream === 'stdout' ? this.#stdout : this.#stderr;
    // Before readiness every line is looked at: the one that says it must not be lost in a flood.
    if (this.#gate.isShut(Date.now()) && (this.#saidReady || stream === 'stderr')) {
      this.#gate.drop(splitter.skip(chunk));
      this.#announceLater();
    } else {
      splitter.push(chunk);
    }
  }

  /** Both streams ended: begun lines and the count of dropped ones go out; no timer is left. */
  end(): void {
    this.#stdout.flush();
    this.#stderr.flush();
    this.#settleDropped();
  }

  /** Somebody else reads on: begun lines are theirs; no timer is left. */
  takeHeld(): { readonly stdout: Buffer; readonly stderr: Buffer } {
    this.#settleDropped();
    return { stdout: this.#stdout.takeHeld(), stderr: this.#stderr.takeHeld() };
  }

  #settleDropped(): void {
    this.#announceDropped(this.#gate.takeDropped());
    if (this.#markerTimer !== null) clearTimeout(this.#markerTimer);
    this.#markerTimer = null;
  }

  #onStdout(line: Buffer): void {
    if (!this.#saidReady) {
      const port = parseReadinessLine(line);
      if (port !== null) {
        this.#saidReady = true;
        this.#options.onReady(port);
        return;
      }
    }
    this.#take('stdout', line);
  }

  #take(stream: 'stdout' | 'stderr', line: Buffer): void {
    const now = Date.now();
    if (!this.#gate.accepts(line.length + 1, now)) {
      this.#announceLater();
      return;
    }
    this.#announceDropped(this.#gate.takeDropped());
    // Invalid sequences become U+FFFD; whole lines are decoded, so a character split over two reads is not one.
    this.#emit({ at: now, stream, text: line.toString('utf8') });
  }

  /** A flood that stops leaves nobody to carry its marker. */
  #announceLater(): void {
    this.#markerTimer ??= setTimeout(() => {
      this.#markerTimer = null;
      this.#announceDropped(this.#gate.takeDropped());
    }, limits.outputWindowMs);
  }

  #announceDropped(lines: number): void {
    if (lines === 0) return;
    const most = `${limits.outputBytesPerSecondMax / 1_000_000} MB/s or ${limits.outputLinesPerSecondMax} lines/s`;
    this.#emit({
      at: Date.now(),
      stream: 'tako',
      text: `${lines} ${lines === 1 ? 'line' : 'lines'} dropped: the app wrote more than ${most}`,
    });
  }

  #emit(line: OutputLine): void {
    this.#last.push(line.text.slice(0, limits.evidenceLineCharactersMax));
    if (this.#last.length > limits.evidenceLinesMax) this.#last.shift();
    this.#options.onLine(line);
  }
}
