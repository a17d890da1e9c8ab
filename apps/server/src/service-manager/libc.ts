// The few calls of the C library that Node does not offer: Unix datagrams, dup, close-on-exec. Loaded only where one
// is needed. Opens nothing that stays open.
import { createRequire } from 'node:module';
import type koffiModule from 'koffi';

export interface Libc {
  /**
   * One datagram to a Unix socket; the sender's pid and uid go with it (SCM_CREDENTIALS, unix(7)). Waits for room in
   * the receiver's queue `timeoutMs` at most; 0 does not wait at all. Returns null, or the errno's name.
   */
  sendDatagram(address: Uint8Array, text: string, timeoutMs: number): string | null;
  /** A stream socket that listens at that address (unix(7)) and is not accepted on. Throws an Error with `code`. */
  listenUnix(address: Uint8Array): number;
  /** Somebody listens there. */
  mayConnect(address: Uint8Array): boolean;
  /** A duplicate at 3 or above that children do not get. Throws an Error with `code`. */
  duplicate(fd: number): number;
  /** Children do not get it unless it is listed in their `stdio`. */
  closeOnExec(fd: number): void;
}

// The same numbers on x86-64, arm64 and every other port of Linux that Node has but MIPS and SPARC (socket.h, fcntl.h).
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4_000;
const SOCK_CLOEXEC = 0o2_000_000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
/** The kernel cuts it to net.core.somaxconn. */
const backlog = 4_096;

/** `struct timeval`: two longs, which are as wide as a pointer. */
function timeval(milliseconds: number): Uint8Array {
  const fields = new BigInt64Array([
    BigInt(Math.floor(milliseconds / 1000)),
    BigInt((milliseconds % 1000) * 1000),
  ]);
  return new Uint8Array(fields.buffer);
}

type Argument = number | string | Uint8Array;

function bind(koffi: typeof koffiModule) {
  // null: the C library that Node itself runs on, glibc or musl.
  const library = koffi.load(null);
  const declare = (prototype: string): ((...values: readonly Argument[]) => number) => {
    const call: unknown = library.func(prototype);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- koffi returns the function that the prototype says
    return call as (...values: readonly Argument[]) => number;
  };
  return {
    socket: declare('int socket(int domain, int type, int protocol)'),
    setsockopt: declare('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)'),
    sendto: declare(
      'long sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t addressLength)',
    ),
    bind: declare('int bind(int fd, const uint8_t *address, uint32_t length)'),
    listen: declare('int listen(int fd, int backlog)'),
    connect: declare('int connect(int fd, const uint8_t *address, uint32_t length)'),
    close: declare('int close(int fd)'),
    fcntl: declare('int fcntl(int fd, int command, ...)'),
    errno: (): string => {
      const found = koffi.errno();
      return Object.entries(koffi.os.errno).find(([, value]) => value === found)?.[0] ?? `errno ${found}`;
    },
  };
}

function failure(call: string, fd: number, code: string): Error {
  return Object.assign(new Error(`${call} of descriptor ${fd}: ${code}`), { code });
}

/** Throws when the native library is missing for this platform. */
export function openLibc(): Libc {
  // Synchronous, and only now: most servers, and all tests, never need it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `import koffi` would give
  const calls = bind(createRequire(import.meta.url)('koffi') as typeof koffiModule);
  return {
    sendDatagram(address, text, timeoutMs) {
      const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd < 0) return calls.errno();
      try {
        const bytes = Buffer.from(text);
        const wait = timeval(timeoutMs);
        if (timeoutMs > 0 && calls.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, wait, wait.length) < 0)
          return calls.errno();
        const flags = MSG_NOSIGNAL | (timeoutMs > 0 ? 0 : MSG_DONTWAIT);
        return calls.sendto(fd, bytes, bytes.length, flags, address, address.length) < 0
          ? calls.errno()
          : null;
      } finally {
        calls.close(fd);
      }
    },
    listenUnix(address) {
      const fd = calls.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) throw failure('socket', fd, calls.errno());
      if (calls.bind(fd, address, address.length) === 0 && calls.listen(fd, backlog) === 0) return fd;
      const code = calls.errno();
      calls.close(fd);
      throw failure('bind', fd, code);
    },
    mayConnect(address) {
      const fd = calls.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) throw failure('socket', fd, calls.errno());
      try {
        // EAGAIN: its queue is full, so there is one.
        return calls.connect(fd, address, address.length) === 0 || calls.errno() === 'EAGAIN';
      } finally {
        calls.close(fd);
      }
    },
    duplicate(fd) {
      const copy = calls.fcntl(fd, F_DUPFD_CLOEXEC, 'int', 3);
      if (copy < 0) throw failure('dup', fd, calls.errno());
      return copy;
    },
    closeOnExec(fd) {
      if (calls.fcntl(fd, F_SETFD, 'int', FD_CLOEXEC) < 0) throw failure('fcntl', fd, calls.errno());
    },
  };
}
