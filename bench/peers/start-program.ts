// Starts a program that listens, and waits until it answers on its port.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import http from 'node:http';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly port: number;
  readonly environment?: Readonly<Record<string, string>>;
}

const upTimeoutMs = 30_000;

/** Null where the program is not installed. Throws with what it said where it does not come up. */
export async function startProgram({
  command,
  args,
  cwd,
  port,
  environment,
}: Program): Promise<ChildProcess | null> {
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let said = '';
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const missing = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(false));
    child.once('error', () => resolve(true));
  });
  if (missing) return null;
  const deadline = performance.now() + upTimeoutMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command} did not come up: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

/** Whatever it says: a port that only takes connections may be one whose workers are still to be started. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    http
      .get({ port, host: '127.0.0.1', agent: false, timeout: upTimeoutMs }, (response) => {
        response.resume();
        resolve(true);
      })
      .on('timeout', () => resolve(false))
      .on('error', () => resolve(false));
  });
}

/** A process and its children, and theirs. */
export async function processTree(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const pids = children
    .split(' ')
    .filter((text) => text.trim() !== '')
    .map(Number);
  const deeper = await Promise.all(pids.map(processTree));
  return [pid, ...deeper.flat()];
}
