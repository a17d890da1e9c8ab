// A proxy under measurement: how it is started and what it is allowed. All sides get one process or thread, keep-alive
// to the app, and the same forwarded fields. Knows no workload.
import type { ChildProcess } from 'node:child_process';

export interface PeerInput {
  /** A directory of its own. */
  readonly dir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly appPort: number;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Host names that it routes to the app; the first one is what most workloads ask for. */
  readonly hosts: readonly string[];
  /** Where each host has a certificate of its own (certificate.ts); null: one for all. */
  readonly namesDir: string | null;
}

export interface RunningPeer extends AsyncDisposable {
  /** Every process whose CPU and memory count. */
  readonly pids: () => readonly number[];
}

export interface Peer {
  readonly name: string;
  /** What of the workloads it can do. */
  readonly does: { readonly http2: boolean; readonly manyHosts: boolean; readonly webSockets: boolean };
  /** Null where the program is not installed. */
  readonly start: (input: PeerInput) => Promise<RunningPeer | null>;
}

export function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 3_000);
    impatient.unref();
  });
}
