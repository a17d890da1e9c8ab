// What a descriptor is bound to: a listening TCP or Unix stream socket at an address, or why it is none of that. Read
// from /proc, since asking by accepting would take connections. Never closes or changes a descriptor.
import { fstatSync, readFileSync, readlinkSync } from 'node:fs';
import { parseListeningSockets } from '@tako/supervisor';
import { errorCode } from '../files/durable-file.ts';

export type BoundSocket =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  /** `path`: absolute, or `@name` for an abstract one, or empty for one without a name. */
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'notSocket' }
  | { readonly kind: 'notListening' };

export interface UnixListener {
  readonly path: string;
  readonly inode: number;
}

/** __SO_ACCEPTCON in the flags and SOCK_STREAM as the type, proc_pid_net(5): a stream socket that listens. */
const acceptsConnections = 0x1_0000;
const streamType = 1;

/** The listening stream sockets of /proc/net/unix. */
export function parseUnixListeners(table: string): UnixListener[] {
  const found: UnixListener[] = [];
  for (const line of table.split('\n').slice(1)) {
    const match = /^\S+: \S+ \S+ (\S+) (\S+) \S+\s+(\d+)(?: (.*))?$/.exec(line);
    if (match === null) continue;
    const [, flags = '', type = '', inode = '', path = ''] = match;
    if ((Number.parseInt(flags, 16) & acceptsConnections) === 0 || Number.parseInt(type, 16) !== streamType)
      continue;
    found.push({ path, inode: Number(inode) });
  }
  return found;
}

function readTable(name: 'tcp' | 'tcp6' | 'unix'): string {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'utf8');
  } catch (error) {
    // A kernel without IPv6 has no tcp6.
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

export function readBoundSocket(fd: number): BoundSocket {
  try {
    if (!fstatSync(fd).isSocket()) return { kind: 'notSocket' };
  } catch (error) {
    if (errorCode(error) === 'EBADF') return { kind: 'closed' };
    throw error;
  }
  const inode = Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);
  const tcp = [...parseListeningSockets(readTable('tcp')), ...parseListeningSockets(readTable('tcp6'))];
  const bound = tcp.find((socket) => socket.inode === inode);
  if (bound !== undefined) return { kind: 'tcp', address: bound.address, port: bound.port };
  const unix = parseUnixListeners(readTable('unix')).find((socket) => socket.inode === inode);
  return unix === undefined ? { kind: 'notListening' } : { kind: 'unix', path: unix.path };
}
