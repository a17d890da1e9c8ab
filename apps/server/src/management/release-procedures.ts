// acquire_lock … unlock, preflight, prepare_release, run_release_command: what comes before a rollout.
import { TakoError } from '@tako/config';
import type { Manifest } from '@tako/config';
import type {
  CommandEvent,
  Lock,
  LockHolder,
  ManagementService,
  PrepareEvent,
  Preflight,
  Unlocked,
} from '@tako/protocol';
import type { Store } from '@tako/store';
import { assertAvailable } from '../releases/available-features.ts';
import type { CallGuard } from './call-guard.ts';

type Input<K extends keyof ManagementService> = Parameters<ManagementService[K]>[0];

export interface LockBook {
  acquire(deploymentId: string, holder: LockHolder): Promise<Lock>;
  renew(deploymentId: string, token: string): Lock;
  release(deploymentId: string, token: string): Promise<void>;
  unlock(deploymentId: string): Promise<Unlocked>;
}

export interface ReleaseCommandSpec {
  readonly deploymentId: string;
  readonly version: string;
  readonly manifest: Manifest;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface ReleaseProcedureDeps {
  readonly guard: CallGuard;
  readonly locks: LockBook;
  readonly store: Store;
  readonly preflight: (input: Input<'preflight'>) => Promise<Preflight>;
  readonly prepare: (input: Input<'prepareRelease'>, signal: AbortSignal) => AsyncIterable<PrepareEvent>;
  readonly runCommand: (spec: ReleaseCommandSpec, signal: AbortSignal) => AsyncIterable<CommandEvent>;
  readonly secrets: (deploymentId: string) => Promise<Readonly<Record<string, string>>>;
}

type ReleaseProcedures = Pick<
  ManagementService,
  | 'acquireLock'
  | 'renewLock'
  | 'releaseLock'
  | 'unlock'
  | 'preflight'
  | 'prepareRelease'
  | 'runReleaseCommand'
>;

export function releaseProcedures(deps: ReleaseProcedureDeps): ReleaseProcedures {
  const { guard, locks, store } = deps;
  return {
    acquireLock: (input, context) =>
      guard.call({ procedure: 'acquire_lock', context, deploymentId: input.deploymentId }, () =>
        locks.acquire(input.deploymentId, input.holder),
      ),
    // Not audited: a heartbeat tells nobody anything.
    renewLock: async (input) => locks.renew(input.deploymentId, input.token),
    // Never refused: a stopping or upgrading server still takes a lock back.
    releaseLock: (input) => locks.release(input.deploymentId, input.token),
    unlock: (input, context) =>
      guard.call({ procedure: 'unlock', context, deploymentId: input.deploymentId }, () =>
        locks.unlock(input.deploymentId),
      ),

    preflight: (input) => deps.preflight(input),

    prepareRelease: (input, context) =>
      guard.stream(
        { procedure: 'prepare_release', context, deploymentId: input.deploymentId, token: input.token },
        async () => {
          assertAvailable(input.manifest);
          return deps.prepare(input, context.signal);
        },
      ),

    runReleaseCommand: (input, context) =>
      guard.stream(
        { procedure: 'run_release_command', context, deploymentId: input.deploymentId, token: input.token },
        async () => {
          const { deploymentId, version } = input;
          const release = store.releases.get(deploymentId, version);
          if (release === undefined) {
            throw new TakoError(
              'RELEASE_NOT_FOUND',
              `${deploymentId} has no prepared release ${version} on this server`,
              {
                hint: 'prepare_release comes first',
                details: { deploymentId, version },
              },
            );
          }
          const secrets = input.secrets ?? (await deps.secrets(deploymentId));
          return deps.runCommand(
            { deploymentId, version, manifest: release.manifest, secrets },
            context.signal,
          );
        },
        (last) => (last?.type === 'exited' && last.exitCode !== 0 ? 'RELEASE_COMMAND_FAILED' : null),
      ),
  };
}
