// What may stand as a server's host: it becomes an argument of ssh, so nothing that ssh or a shell could take for
// something else. Pure.
import { isIPv6 } from 'node:net';

export const serverHostRule =
  'a host name, an address, an alias from ~/.ssh/config, or "unix:/path"; user and port have keys of their own';

/** sun_path holds 107 bytes and a NUL (unix(7)). */
const socketPathBytesMax = 107;

export function isServerHost(text: string): boolean {
  if (text.startsWith('unix:')) {
    const socket = text.slice('unix:'.length);
    return (
      socket.startsWith('/') && Buffer.byteLength(socket) <= socketPathBytesMax && !/\p{Cc}/u.test(socket)
    );
  }
  if (isIPv6(text)) return true;
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(text);
}
