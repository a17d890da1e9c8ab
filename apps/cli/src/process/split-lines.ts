// Cuts a byte stream into lines of text: CR LF and LF end a line, a long one is cut, invalid UTF-8 is replaced.
// Pure state over chunks; knows no stream.
import { StringDecoder } from 'node:string_decoder';
import { limits } from '../limits.ts';

export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Gives out what has no line end yet. */
  end(): void;
}

export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const give = (line: string): void => onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  const take = (text: string): void => {
    rest += text;
    let from = 0;
    for (let end = rest.indexOf('\n', from); end !== -1; end = rest.indexOf('\n', from)) {
      give(rest.slice(from, end));
      from = end + 1;
    }
    rest = rest.slice(from);
    while (rest.length > limits.outputLineBytesMax) {
      give(rest.slice(0, limits.outputLineBytesMax));
      rest = rest.slice(limits.outputLineBytesMax);
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    end: () => {
      take(decoder.end());
      if (rest !== '') give(rest);
      rest = '';
    },
  };
}
