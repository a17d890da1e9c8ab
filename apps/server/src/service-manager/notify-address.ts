// A Unix socket address as systemd writes it (NOTIFY_SOCKET), and the messages of sd_notify(3) as text. Pure.
import { socketPathBytesMax, statusLengthMax } from './limits.ts';

/** `struct sockaddr_un`: the family in host byte order, then the path; an abstract name starts with NUL (unix(7)). */
export function parseUnixAddress(text: string): Uint8Array | null {
  const isAbstract = text.startsWith('@');
  if (!isAbstract && !text.startsWith('/')) return null;
  const name = Buffer.from(isAbstract ? text.slice(1) : text);
  if (name.length === 0 || name.length > socketPathBytesMax || name.includes(0)) return null;
  const family = Buffer.from(new Uint16Array([1]).buffer);
  const zero = Buffer.alloc(1);
  return isAbstract ? Buffer.concat([family, zero, name]) : Buffer.concat([family, name, zero]);
}

/** One line, whatever is in it: a line break would start another assignment. */
export function statusLine(status: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  return `STATUS=${status.replaceAll(/[\u0000-\u001F\u007F]+/g, ' ').slice(0, statusLengthMax)}`;
}

/** Half of the time after which systemd kills, as sd_watchdog_enabled(3) recommends; null: no watchdog, or not ours. */
export function parseWatchdogInterval(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | null {
  const { WATCHDOG_USEC: text = '', WATCHDOG_PID: owner } = environment;
  if (owner !== undefined && owner !== String(pid)) return null;
  const microseconds = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return microseconds > 0 ? Math.max(1, Math.floor(microseconds / 2000)) : null;
}
