// What this machine is, as far as binaries care.
import { readFileSync } from 'node:fs';
import type { Machine } from './tool-package.ts';

function libc(): Machine['libc'] {
  // Node's diagnostic report names the C library's version only where it is glibc.
  const report: unknown = process.report?.getReport();
  const header = typeof report === 'object' && report !== null && 'header' in report ? report.header : null;
  return typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header ? 'glibc' : 'musl';
}

function hasAvx2(): boolean {
  return /^flags\s*:.*\bavx2\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
}

export function readMachine(): Machine {
  return { arch: process.arch, libc: libc(), hasAvx2: hasAvx2() };
}
