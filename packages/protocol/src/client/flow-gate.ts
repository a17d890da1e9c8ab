// Bounds what a stream holds between the socket and its reader: tRPC's consumer takes all it can get, so the socket is
// read only while the lines received and not yet taken are few. Counts bytes; knows no format but that an event is a line.
export interface FlowGate {
  /** Bytes came from the socket. Returns the bytes of the line that is not complete yet. */
  received(chunk: Uint8Array): number;
  /** The reader took one event. */
  taken(): void;
  /** Resolves when the socket may be read again. */
  open(): Promise<void>;
  /** Nobody reads any more: stays open. */
  release(): void;
}

const newline = 0x0a;
/** The lines before the first event, with room to spare; and a single line must never wait for its own end. */
const linesAlwaysFree = 8;

export function createFlowGate(bufferBytesMax: number): FlowGate {
  const waitingLines: number[] = [];
  let head = 0;
  let lineBytes = 0;
  let waitingBytes = 0;
  let released = false;
  let wake: (() => void) | null = null;

  const isOpen = (): boolean =>
    released || waitingBytes <= bufferBytesMax || waitingLines.length - head <= linesAlwaysFree;
  const wakeIfOpen = (): void => {
    if (wake === null || !isOpen()) return;
    const resolve = wake;
    wake = null;
    resolve();
  };

  return {
    received(chunk) {
      waitingBytes += chunk.length;
      let start = 0;
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        waitingLines.push(lineBytes + end + 1 - start);
        lineBytes = 0;
        start = end + 1;
      }
      lineBytes += chunk.length - start;
      return lineBytes;
    },
    taken() {
      waitingBytes -= waitingLines[head] ?? 0;
      head += 1;
      if (head > 1024) {
        waitingLines.splice(0, head);
        head = 0;
      }
      wakeIfOpen();
    },
    open() {
      if (isOpen()) return Promise.resolve();
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    release() {
      released = true;
      wakeIfOpen();
    },
  };
}
