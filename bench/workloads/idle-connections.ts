// Memory of idle TLS connections: 5,000 of them, each after one request. Its own shape: bytes, not CPU.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { memoryBytes } from '../measure/cpu.ts';
import { stopChild, type RunningPeer } from '../peers/peer.ts';

const settleMs = 1_500;

export interface IdleInput {
  readonly httpsPort: number;
  readonly host: string;
  readonly connections: number;
}

/** Bytes per connection that the peer's memory grew by. */
export async function measureIdleConnections(peer: RunningPeer, input: IdleInput): Promise<number> {
  const before = await memoryBytes(peer.pids());
  const file = path.join(import.meta.dirname, '..', 'fixtures', 'idle-clients.ts');
  const args = ['--conditions=source', file, String(input.httpsPort), input.host, String(input.connections)];
  const clients = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(clients.stdout, 'data');
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const after = await memoryBytes(peer.pids());
  await stopChild(clients);
  return (after - before) / input.connections;
}
