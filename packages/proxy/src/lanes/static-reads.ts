// Reads sockets into buffers of our own instead of a fresh allocation per read (1.6 µs of 18 per proxied request,
// docs/performance.md). Node offers that (`onread`) only for sockets that one creates; this file alone knows
// how such a socket keeps it, asks whether this Node still does so, and says no otherwise.
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Who gets the bytes. */
export interface ByteReceiver {
  /** `buffer` holds the bytes from 0, valid during the call. False: stop reading until `resume`. */
  readonly bytesRead: (buffer: Buffer, bytes: number) => boolean;
  /** Asked after each read, where `askForBuffers` says so: where the next one goes. */
  readonly nextReadBuffer: () => Buffer;
}

interface ReadSlots {
  readonly buffer: symbol;
  readonly generator: symbol;
  readonly callback: symbol;
}

const readBufferBytes = 64 * 1024;
/** What a released socket does like any stream, and one that is read statically in a way of its own. */
const streamMethods = ['pause', 'resume', 'read'] as const;

export class StaticReads {
  /** Every socket reads into it first; what must outlive the turn is copied, or read into a buffer of its own. */
  readonly shared = Buffer.allocUnsafeSlow(readBufferBytes);
  readonly #slots: ReadSlots | null = findSlots();

  /** False on a Node that keeps these things differently: then sockets are read by their 'data' events. */
  get isSupported(): boolean {
    return this.#slots !== null;
  }

  createBuffer(): Buffer {
    return Buffer.allocUnsafeSlow(readBufferBytes);
  }

  /** From now on the socket's bytes go to the receiver, first into the shared buffer. False: nothing was changed. */
  attach(socket: Duplex, receiver: ByteReceiver): boolean {
    if (this.#slots === null) return false;
    const handle: unknown = Reflect.get(socket, '_handle');
    if (typeof handle !== 'object' || handle === null) return false;
    const useUserBuffer: unknown = Reflect.get(handle, 'useUserBuffer');
    if (typeof useUserBuffer !== 'function') return false;
    const wasReleased = typeof Reflect.get(socket, this.#slots.callback) === 'function';
    Reflect.set(socket, this.#slots.generator, null);
    Reflect.set(socket, this.#slots.callback, (bytes: number, filled: Buffer) =>
      receiver.bytesRead(filled, bytes),
    );
    if (wasReleased) {
      // The handle still reads into the buffer that it was given then.
      for (const name of streamMethods) Reflect.deleteProperty(socket, name);
    } else {
      Reflect.set(socket, this.#slots.buffer, this.shared);
      Reflect.apply(useUserBuffer, handle, [this.shared]);
    }
    return true;
  }

  /** From the next read on the receiver is asked after each one where the next goes; or, with null, no more. */
  askForBuffers(socket: Duplex, receiver: ByteReceiver | null): void {
    if (this.#slots === null) return;
    Reflect.set(socket, this.#slots.generator, receiver === null ? null : () => receiver.nextReadBuffer());
  }

  /**
   * From now on the socket is a stream like any other, for whoever takes it over; it must be reading. Its reads still
   * fill our buffer (the handle cannot unlearn that) and are copied. `pause` must not stop them: streams that are
   * paused, as by `unpipe`, still have to hear of the other side's end.
   */
  release(socket: Duplex): void {
    if (this.#slots === null || typeof Reflect.get(socket, this.#slots.callback) !== 'function') return;
    const push = (bytes: number, filled: Buffer): boolean =>
      socket.push(Buffer.from(filled.subarray(0, bytes)));
    Reflect.set(socket, this.#slots.callback, push);
    for (const name of streamMethods) Reflect.set(socket, name, Reflect.get(Duplex.prototype, name));
  }
}

/** The slots in which a socket made with `onread` keeps it; null where a socket has no such slots. */
function findSlots(): ReadSlots | null {
  const buffer = Buffer.alloc(1);
  const probe = new Socket({ onread: { buffer: () => buffer, callback: () => true } });
  const named = (name: string): symbol | undefined =>
    Object.getOwnPropertySymbols(probe).find((symbol) => symbol.description === name);
  const slots = { buffer: named('kBuffer'), generator: named('kBufferGen'), callback: named('kBufferCb') };
  probe.destroy();
  if (slots.buffer === undefined || slots.generator === undefined || slots.callback === undefined)
    return null;
  const isAsExpected =
    Reflect.get(probe, slots.buffer) === true &&
    typeof Reflect.get(probe, slots.generator) === 'function' &&
    typeof Reflect.get(probe, slots.callback) === 'function';
  return isAsExpected ? { buffer: slots.buffer, generator: slots.generator, callback: slots.callback } : null;
}
