// As whom tests run an app's programs: somebody unprivileged where the test itself is root, else nobody but ourselves.
import type { RunAs } from '@tako/supervisor';

const unprivileged: RunAs = { uid: 71_001, gid: 71_001 };

export const isRoot = process.geteuid?.() === 0;
export const testRunAs: RunAs | null = isRoot ? unprivileged : null;
