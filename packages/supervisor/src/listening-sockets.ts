// Where a process listens, from /proc/net/tcp and tcp6: by the descriptors of its processes where they may be read,
// else by the user. Knows nothing of instances.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ListeningSocket {
  /** `127.0.0.1` or `::1`, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: number;
}

const listenState = '0A';

/** IPv4: one 32-bit word in host byte order (little-endian here); IPv6: four of them. proc_pid_net(5). */
function parseAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = word + 6; at >= word; at -= 2) bytes.push(Number.parseInt(hex.slice(at, at + 2), 16));
  }
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2)
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  // The URL parser compresses zeros as RFC 5952 asks.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The sockets in state LISTEN of one table. */
export function parseListeningSockets(table: string): ListeningSocket[] {
  const found: ListeningSocket[] = [];
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [hex, port] = fields[1]?.split(':') ?? [];
    if (fields[3] !== listenState || hex === undefined || port === undefined) continue;
    found.push({
      address: parseAddress(hex),
      port: Number.parseInt(port, 16),
      uid: Number(fields[7]),
      inode: Number(fields[9]),
    });
  }
  return found;
}

function readTable(name: 'tcp' | 'tcp6'): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1');
  } catch {
    // A kernel without IPv6 has no tcp6.
    return '';
  }
}

/** Inodes of the sockets that the process holds; null when its descriptors may not be read. */
function socketInodes(pid: number): Set<number> | null {
  const inodes = new Set<number>();
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    // Another user's (EACCES), unlike a process that is gone and holds nothing.
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? null : inodes;
  }
  for (const name of names) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined) inodes.add(Number(inode));
    } catch {
      // Closed between the two looks.
    }
  }
  return inodes;
}

/** Listeners of these processes; when some may not be read, those of the user (if it is the app's alone, never root). */
export function findListeningSockets(pids: readonly number[], uid: number | null): ListeningSocket[] {
  return socketsOf(pids, uid, readListeningSockets());
}

/**
 * Whether somebody else listens on the port, and none of these processes. False when it cannot be told: where there is
 * no /proc, or the listener is in a network namespace of its own.
 */
export function isPortOfOthers(port: number, pids: readonly number[], uid: number | null): boolean {
  const there = readListeningSockets().filter((socket) => socket.port === port);
  return there.length > 0 && socketsOf(pids, uid, there).length === 0;
}

function readListeningSockets(): ListeningSocket[] {
  return [...parseListeningSockets(readTable('tcp')), ...parseListeningSockets(readTable('tcp6'))];
}

function socketsOf(
  pids: readonly number[],
  uid: number | null,
  sockets: readonly ListeningSocket[],
): ListeningSocket[] {
  if (sockets.length === 0) return [];
  const held = pids.map((pid) => socketInodes(pid));
  const byUser = uid !== null && uid !== 0 && held.includes(null);
  return sockets.filter(
    (socket) => held.some((inodes) => inodes?.has(socket.inode)) || (byUser && socket.uid === uid),
  );
}

/** `127.0.0.1:5173`, `[::1]:5173`. */
export function formatListeningSocket({ address, port }: ListeningSocket): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
