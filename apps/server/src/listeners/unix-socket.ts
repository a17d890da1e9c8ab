// A listening Unix socket, by path or by abstract name (`@name`), made without accepting on it: Node's own servers
// accept at once, and take their file away when they close.
import { lstatSync, rmSync } from 'node:fs';
import { TakoError } from '@tako/config';
import { errorCode } from '../files/durable-file.ts';
import { openLibc } from '../service-manager/libc.ts';
import { parseUnixAddress } from '../service-manager/notify-address.ts';

/** As with a port, whoever is on this machine may connect. */
const socketMode = 0o666;
const option = '--listen-unix';

function failure(place: string, errno: string, hint: string, cause?: unknown): TakoError {
  return new TakoError('LISTEN_FAILED', `cannot listen on ${place}: ${errno}`, {
    hint,
    cause,
    details: { path: place, kind: 'http', errno },
  });
}

/** The file of a listener that is gone makes place; anything else stays. */
function sweep(place: string, address: Uint8Array): void {
  if (place.startsWith('@')) return;
  const found = lstatSync(place, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw failure(place, 'EEXIST', `a file that is no socket is there: choose another ${option}`);
  if (openLibc().mayConnect(address))
    throw failure(
      place,
      'EADDRINUSE',
      `another process listens there: ss -xlp names it; or choose another ${option}`,
    );
  rmSync(place);
}

/** Its descriptor. Throws LISTEN_FAILED; then nothing was made. */
export function bindUnixSocket(place: string): number {
  const address = parseUnixAddress(place);
  if (address === null)
    throw failure(place, 'EINVAL', `a path has at most 107 bytes: ${option} /run/tako/http.sock`);
  sweep(place, address);
  const umask = process.umask(0o777 & ~socketMode);
  try {
    return openLibc().listenUnix(address);
  } catch (cause) {
    const errno = errorCode(cause) ?? 'unknown';
    throw failure(place, errno, 'the folder must exist and be writable for the server', cause);
  } finally {
    process.umask(umask);
  }
}

/** Of a listener that nobody goes on with. */
export function removeUnixSocket(place: string): void {
  if (place.startsWith('/')) rmSync(place, { force: true });
}
