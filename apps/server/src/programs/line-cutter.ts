// Bytes of a program's output → lines of text without their ends; long ones are cut, invalid UTF-8 is replaced. Pure.
import { StringDecoder } from 'node:string_decoder';
import { programLimits } from './limits.ts';

export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #held = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const pieces = (this.#held + this.#decoder.write(chunk)).split('\n');
    this.#held = pieces.pop() ?? '';
    for (const piece of pieces) this.#emit(piece);
    while (this.#held.length > programLimits.lineBytesMax) {
      this.#emit(this.#held.slice(0, programLimits.lineBytesMax));
      this.#held = this.#held.slice(programLimits.lineBytesMax);
    }
  }

  end(): void {
    const rest = this.#held + this.#decoder.end();
    this.#held = '';
    if (rest !== '') this.#emit(rest);
  }

  #emit(piece: string): void {
    const line = piece.endsWith('\r') ? piece.slice(0, -1) : piece;
    // A progress bar rewrites its line by carriage returns: its last state is what a log wants.
    const shown = line.slice(line.lastIndexOf('\r') + 1);
    for (let from = 0; from === 0 || from < shown.length; from += programLimits.lineBytesMax) {
      this.#onLine(shown.slice(from, from + programLimits.lineBytesMax));
    }
  }
}
