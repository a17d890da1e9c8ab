// A Unix datagram socket that receives what notifiers send, as systemd's does. For tests only.
import koffi from 'koffi';

export interface NotifyReceiver extends Disposable {
  /** The next message in the queue, or null when there is none. */
  next(): string | null;
}

const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)');
const bind = library.func('int bind(int, const uint8_t *, uint32_t)');
const recv = library.func('long recv(int, _Out_ uint8_t *, size_t, int)');
const close = library.func('int close(int)');
const dontWait = 0x40;

export function openNotifyReceiver(address: Uint8Array): NotifyReceiver {
  const fd = socket(1, 2 | 0o2_000_000, 0) as number;
  if (bind(fd, address, address.length) !== 0) throw new Error(`bind: errno ${koffi.errno()}`);
  return {
    next: () => {
      const buffer = Buffer.alloc(4096);
      const length = recv(fd, buffer, buffer.length, dontWait) as number;
      return length < 0 ? null : buffer.toString('utf8', 0, length);
    },
    [Symbol.dispose]: () => close(fd),
  };
}
