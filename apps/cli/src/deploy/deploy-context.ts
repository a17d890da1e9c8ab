// What all steps of one deploy share. Types only.
import type { LockHolder } from '@tako/protocol';
import type { Interruption } from '../cli/interruption.ts';
import type { Task } from '../output/task.ts';
import type { ServerSession } from '../servers/session.ts';
import type { DeployPlan } from './deploy-plan.ts';

export interface DeployContext {
  readonly plan: DeployPlan;
  readonly holder: LockHolder;
  /** How long to wait for the project's and the deployment's lock, in ms. */
  readonly waitLockMs: number;
  readonly interruption: Interruption;
  readonly open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly task: Task;
}
