// Writes down who called what and how it ended. Gets facts only, never inputs: no value of a secret can come here.
import { isTakoError } from '@tako/config';
import type { AuditEntry } from '@tako/protocol';
import type { AuditRepository } from '@tako/store';
import type { Log } from '../log.ts';
import { auditLimits } from './limits.ts';

export interface AuditedCall {
  readonly caller: string;
  /** As on the wire: `run_release_command`. */
  readonly procedure: string;
  readonly deploymentId: string | null;
  /** A fact worth keeping: `version v1`, `unlock: stale`. */
  readonly detail?: string | undefined;
}

type Outcome =
  { readonly outcome: 'ok'; readonly code: null } | { readonly outcome: 'failed'; readonly code: string };

export interface AuditLogDeps {
  readonly audit: AuditRepository;
  readonly nowMs: () => number;
  readonly log: Log;
}

const ok: Outcome = { outcome: 'ok', code: null };

function failure(error: unknown): Outcome {
  return { outcome: 'failed', code: isTakoError(error) ? error.code : 'INTERNAL' };
}

/** How a stream that ended by itself ended: its last event tells (`rolledBack` with its code, a program's exit). */
function outcomeOfLast(event: unknown): Outcome {
  if (typeof event !== 'object' || event === null || !('type' in event)) return ok;
  if (event.type === 'rolledBack') {
    return {
      outcome: 'failed',
      code: 'code' in event && typeof event.code === 'string' ? event.code : 'ROLLOUT_FAILED',
    };
  }
  if (event.type === 'exited' && 'exitCode' in event && event.exitCode !== 0) {
    return {
      outcome: 'failed',
      code:
        'timedOut' in event && event.timedOut === true
          ? 'RELEASE_COMMAND_TIMED_OUT'
          : 'RELEASE_COMMAND_FAILED',
    };
  }
  return ok;
}

export class AuditLog {
  readonly #audit: AuditRepository;
  readonly #nowMs: () => number;
  readonly #log: Log;

  constructor({ audit, nowMs, log }: AuditLogDeps) {
    this.#audit = audit;
    this.#nowMs = nowMs;
    this.#log = log;
  }

  async call<T>(call: AuditedCall, work: () => Promise<T>): Promise<T> {
    const startedAt = this.#nowMs();
    try {
      const value = await work();
      this.#append(call, startedAt, ok);
      return value;
    } catch (error) {
      this.#append(call, startedAt, failure(error));
      throw error;
    }
  }

  /** One row when the stream is over; a reader that went away before the end is noted as CONNECTION_LOST. */
  async *stream<E>(call: AuditedCall, events: AsyncIterable<E>): AsyncGenerator<E, void, undefined> {
    const startedAt = this.#nowMs();
    let outcome: Outcome = { outcome: 'failed', code: 'CONNECTION_LOST' };
    let last: E | undefined;
    try {
      for await (const event of events) {
        last = event;
        yield event;
      }
      outcome = outcomeOfLast(last);
    } catch (error) {
      outcome = failure(error);
      throw error;
    } finally {
      this.#append(call, startedAt, outcome);
    }
  }

  /** Newest first. */
  list(filter: { readonly deploymentId?: string | undefined; readonly limit: number }): AuditEntry[] {
    return this.#audit.list(filter).map((record) => ({ ...record }));
  }

  #append(call: AuditedCall, startedAt: number, outcome: Outcome): void {
    try {
      this.#audit.append({
        at: startedAt,
        caller: call.caller.slice(0, auditLimits.callerCharsMax),
        procedure: call.procedure,
        deploymentId: call.deploymentId,
        ...outcome,
        detail: call.detail?.slice(0, auditLimits.detailCharsMax) ?? null,
        durationMs: Math.max(0, Math.round(this.#nowMs() - startedAt)),
      });
    } catch (error) {
      // The call itself is over and stays what it is; a full disk must not turn a success into a failure.
      this.#log.error(
        { err: error, procedure: call.procedure, app: call.deploymentId },
        'audit row could not be written',
      );
    }
  }
}
