// The Node of the tests where an unprivileged user may run it, outside of any test's own (perhaps tiny) file system.
// For tests only.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { placeOwnNode } from '../runtimes/own-node.ts';

let placed: Promise<string> | null = null;

export function testNode(): Promise<string> {
  if (placed !== null) return placed;
  const directory = mkdtempSync(path.join(tmpdir(), 'tako-test-node-'));
  chmodSync(directory, 0o755);
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  placed = placeOwnNode({ dataDir: directory, program: process.execPath, version: process.versions.node });
  return placed;
}
