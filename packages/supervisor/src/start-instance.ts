// Starts an instance of a release, or takes over one that another daemon started.
import { attachProcess } from './attach-process.ts';
import type { InstanceSpec } from './instance-spec.ts';
import type { Instance, InstanceHooks, PartialLines, ProcessIdentity } from './instance.types.ts';
import { spawnProcess } from './spawn-process.ts';
import { stopLeftover } from './stop-leftover.ts';
import { SupervisedInstance } from './supervised-instance.ts';

const noPartialLines: PartialLines = Object.freeze({ stdout: '', stderr: '' });

/** Returns at once and never throws: what goes wrong is told by `whenStarted` and `whenExited`. */
export function startInstance(spec: InstanceSpec, hooks: InstanceHooks): Instance {
  return new SupervisedInstance(spec, hooks, {
    origin: (output, signal) => spawnProcess(spec, output, signal),
    startedAt: Date.now(),
    port: null,
    partial: noPartialLines,
  });
}

export interface AdoptionRecord {
  readonly identity: ProcessIdentity;
  /** null: it had not become ready yet; its readiness line is still to come. */
  readonly port: number | null;
  readonly startedAt: number;
  /** What `detach` gave; absent after a crash, which loses at most what was read and not yet written. */
  readonly partial?: PartialLines | undefined;
}

/**
 * Takes over a running instance. Nobody else may read its FIFOs. It is `healthy` after one good probe; its exit code
 * will stay unknown. When it is gone, what is left of it is stopped, and the start fails in phase `spawn`.
 */
export function adoptInstance(record: AdoptionRecord, spec: InstanceSpec, hooks: InstanceHooks): Instance {
  return new SupervisedInstance(spec, hooks, {
    origin: async (output) => {
      try {
        return attachProcess({ identity: record.identity, runDir: spec.runDir, output });
      } catch (error) {
        await stopLeftover(
          { identity: record.identity, instanceId: spec.id, runDir: null },
          spec.stopGraceMs,
        );
        throw error;
      }
    },
    startedAt: record.startedAt,
    port: record.port,
    partial: record.partial ?? noPartialLines,
  });
}
