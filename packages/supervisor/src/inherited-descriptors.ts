// Descriptors that this process got from whoever started it and would pass on to every child. libuv marks only the
// first ones at its start (it stops at a gap above 15), and Node cannot mark any: so the daemon closes them once.
import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC, octal, as in /proc/pid/fdinfo (proc_pid_fdinfo(5)); the same on x86-64 and arm64. */
const closeOnExec = 0o2_000_000;

function staysOpenInChildren(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    // The descriptor of the directory listing itself, closed meanwhile.
    return false;
  }
}

/** Descriptors above 2 that children would inherit although nobody lists them. */
export function findInheritedDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2 && staysOpenInChildren(fd));
}

/** Call once, first thing in a daemon; returns what was closed. `keep`: listening sockets passed on purpose. */
export function closeInheritedDescriptors(keep: ReadonlySet<number>): readonly number[] {
  const surplus = findInheritedDescriptors().filter((fd) => !keep.has(fd));
  for (const fd of surplus) closeSync(fd);
  return surplus;
}
