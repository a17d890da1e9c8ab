// Starts a data plane in a process of its own, on a listener that it inherits, for one app.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export async function startPlaneProcess(appPort: number, fd: number): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('fixtures/plane-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=source', program, String(appPort)], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('The child has a standard output');
  await once(stdout, 'data');
  return child;
}
