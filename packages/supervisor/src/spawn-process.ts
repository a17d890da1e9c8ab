// Starts the process of an instance: FIFOs as stdout and stderr, /dev/null as stdin, one document on fd 3, its own
// session and group, nothing else inherited. Knows nothing of readiness.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { readHostPrivileges } from './host-privileges.ts';
import type { InstanceOutput } from './instance-output.ts';
import type { InstanceSpec } from './instance-spec.ts';
import { launchCommand, launchRefusal } from './launch-command.ts';
import { type InstanceEnds, makeFifos, openInstanceEnds } from './output-fifos.ts';
import { identifyProcess } from './process-identity.ts';
import type { ProcessExit, SupervisedProcess } from './supervised-process.ts';

/** The start was called off before there was a process. */
class SpawnAborted extends Error {
  override readonly name = 'SpawnAborted';
}

/**
 * Writes the document and closes; the app may read it at any time, never, or close its end early. The kernel's
 * socket buffer holds it, so nothing waits for the app; what a huge document leaves over is given up with `signal`.
 */
function sendPayload(socket: Socket, payload: InstanceSpec['payload'], signal: AbortSignal): void {
  const close = (): void => {
    signal.removeEventListener('abort', close);
    socket.destroy();
  };
  socket.on('error', close);
  socket.resume();
  signal.addEventListener('abort', close, { once: true });
  socket.end(`${JSON.stringify(payload)}\n`, close);
}

function startChild(spec: InstanceSpec, ends: InstanceEnds): ChildProcess {
  const { file, args, environment } = launchCommand(spec, readHostPrivileges());
  return spawn(file, args, {
    cwd: spec.cwd,
    // Node copies NODE_V8_COVERAGE of the daemon into every child unless the key is present.
    env: { ...environment, NODE_V8_COVERAGE: environment['NODE_V8_COVERAGE'] },
    stdio: ['ignore', ends.stdout, ends.stderr, 'pipe'],
    detached: true,
  });
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

async function spawnError(child: ChildProcess, spec: InstanceSpec): Promise<Error> {
  const error = await new Promise<Error>((resolve) => {
    child.once('error', resolve);
  });
  if (!existsSync(spec.cwd)) return new Error(`the directory ${spec.cwd} does not exist`, { cause: error });
  return error;
}

/** Rejects when there is no process: with SpawnAborted, or with the reason. */
export async function spawnProcess(
  spec: InstanceSpec,
  output: InstanceOutput,
  signal: AbortSignal,
): Promise<SupervisedProcess> {
  const refusal = launchRefusal(spec, readHostPrivileges());
  if (refusal !== null) throw new Error(refusal);
  await makeFifos(spec.runDir, signal).catch((error: unknown) => {
    throw signal.aborted ? new SpawnAborted('called off') : error;
  });
  if (signal.aborted) throw new SpawnAborted('called off');
  const ends = openInstanceEnds(spec.runDir);
  let child: ChildProcess;
  try {
    output.attach(spec.runDir);
    child = startChild(spec, ends);
  } finally {
    ends.close();
  }
  if (child.pid === undefined) throw await spawnError(child, spec);
  const whenEnded = exitOf(child);
  const payloadSocket = child.stdio[3];
  if (payloadSocket instanceof Socket) sendPayload(payloadSocket, spec.payload, signal);
  // Not reaped before the event loop turns, so even a process that ended at once still has its entry in /proc.
  const identity = identifyProcess(child.pid);
  if (identity === null)
    throw new Error(`assertion failed: the new process ${child.pid} has no entry in /proc`);
  return { identity, whenEnded, release: () => child.unref() };
}
