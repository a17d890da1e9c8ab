// What the operating system and node:http say about a broken way to the server, as TakoErrors with the next step.
import { TakoError, isTakoError } from '@tako/config/tako-error';

const neverConnected: Readonly<Record<string, string>> = Object.freeze({
  ENOENT: 'There is no such socket: is tako-server running here, and does it use this --socket?',
  ENOTDIR: 'A part of this path is no directory: check the path of the socket.',
  ECONNREFUSED:
    'The socket is there, but nobody listens on it: start tako-server (systemctl start tako-server).',
  EACCES:
    'Your user may not open the socket: join the group tako (sudo usermod -aG tako $USER) and log in again.',
  EPERM:
    'Your user may not open the socket: join the group tako (sudo usermod -aG tako $USER) and log in again.',
  EAGAIN: 'The server has too many connections waiting: try again in a moment.',
  ENAMETOOLONG: 'A socket path has at most 107 bytes: use a shorter one.',
  EINVAL: 'A socket path has at most 107 bytes: use a shorter one.',
  ENOTSOCK: 'This path is no socket: check it.',
  EPROTOTYPE: 'This path is no stream socket: check it.',
});

/** The errno of a failed connect, of the error or of one that it wraps; null when it was not the connect that failed. */
export function connectErrno(cause: unknown): string | null {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (
      'syscall' in error &&
      error.syscall === 'connect' &&
      'code' in error &&
      typeof error.code === 'string'
    ) {
      return error.code;
    }
  }
  return null;
}

/** Errors: SERVER_UNREACHABLE when no connection came about, CONNECTION_LOST when one broke. */
export function connectionError(cause: unknown, socketPath: string): TakoError {
  if (isTakoError(cause)) return cause;
  const errno = connectErrno(cause);
  if (errno !== null) {
    return new TakoError(
      'SERVER_UNREACHABLE',
      `cannot connect to the management socket ${socketPath} (${errno})`,
      {
        hint: neverConnected[errno] ?? 'Check the path of the socket and that tako-server runs.',
        details: { socketPath, errno },
        cause,
      },
    );
  }
  if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('HPE_'))
    return notTako(socketPath, cause);
  return new TakoError(
    'CONNECTION_LOST',
    `the connection to ${socketPath} ended before the answer was complete`,
    {
      hint: 'The server may have restarted: look at tako status, then try again.',
      details: { socketPath },
      cause,
    },
  );
}

/** Something answered that does not speak our protocol at all. */
export function notTako(socketPath: string, cause?: unknown): TakoError {
  return new TakoError('SERVER_UNREACHABLE', `what answers on ${socketPath} is not a tako-server`, {
    hint: 'Another program listens on this socket: check the path.',
    details: { socketPath },
    cause,
  });
}

export function silent(socketPath: string, ms: number): TakoError {
  return new TakoError(
    'CONNECTION_LOST',
    `the server at ${socketPath} gave no sign of life for ${ms / 1000} s`,
    {
      hint: 'The network or the server hangs: look at tako status, then try again.',
      details: { socketPath, ms },
    },
  );
}
