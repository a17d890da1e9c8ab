import path from 'node:path';
import { TakoError } from '@tako/config';
import { openStore } from '@tako/store';
import { describe, expect, it } from 'vitest';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { AuditLog } from './audit-log.ts';
import { auditLimits } from './limits.ts';

async function temporaryAudit() {
  const directory = await temporaryDirectory();
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  const clock = { now: 5000 };
  const { log, lines } = recordingLog();
  return {
    audit: new AuditLog({ audit: store.audit, nowMs: () => clock.now, log }),
    clock,
    lines,
    store,
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const entry = { caller: 'ann@laptop', procedure: 'deploy', deploymentId: 'web' };

async function* events<T>(...list: T[]): AsyncGenerator<T> {
  yield* list;
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _event of stream) continue;
}

describe('the audit log', () => {
  it('notes a call that succeeded, with how long it took', async () => {
    await using fixture = await temporaryAudit();
    const value = await fixture.audit.call({ ...entry, detail: 'version v1' }, async () => {
      fixture.clock.now += 120;
      return 7;
    });
    expect(value).toBe(7);
    expect(fixture.audit.list({ limit: 10 })).toEqual([
      { id: 1, at: 5000, ...entry, outcome: 'ok', code: null, detail: 'version v1', durationMs: 120 },
    ]);
  });

  it('notes a failure by its code, an unforeseen one as INTERNAL without its text', async () => {
    await using fixture = await temporaryAudit();
    const fail = (error: Error) =>
      fixture.audit.call(entry, async () => {
        throw error;
      });
    await expect(fail(new TakoError('ROUTE_CONFLICT', 'taken'))).rejects.toThrow('taken');
    await expect(fail(new Error('password=hunter2'))).rejects.toThrow('hunter2');
    const rows = fixture.audit.list({ deploymentId: 'web', limit: 10 });
    expect(rows.map((row) => [row.outcome, row.code])).toEqual([
      ['failed', 'INTERNAL'],
      ['failed', 'ROUTE_CONFLICT'],
    ]);
    expect(JSON.stringify(rows)).not.toContain('hunter2');
  });

  it('notes how a stream ended: its last event, its error, or a reader that went away', async () => {
    await using fixture = await temporaryAudit();
    const { audit } = fixture;
    await drain(audit.stream(entry, events({ type: 'started' }, { type: 'deployed' })));
    await drain(audit.stream(entry, events({ type: 'rolledBack', code: 'INSTANCE_EXITED' })));
    await drain(audit.stream(entry, events({ type: 'exited', exitCode: 0 })));
    await drain(audit.stream(entry, events({ type: 'exited', exitCode: 2, timedOut: false })));
    await drain(audit.stream(entry, events({ type: 'exited', exitCode: null, timedOut: true })));
    await drain(audit.stream(entry, events()));
    for await (const _event of audit.stream(entry, events({ type: 'started' }, { type: 'deployed' }))) break;
    async function* broken(): AsyncGenerator {
      yield { type: 'started' };
      throw new TakoError('LOCK_LOST', 'lost');
    }
    await expect(drain(audit.stream(entry, broken()))).rejects.toThrow('lost');
    const codes = audit.list({ limit: 10 }).map((row) => row.code);
    expect(codes.toReversed()).toEqual([
      null,
      'INSTANCE_EXITED',
      null,
      'RELEASE_COMMAND_FAILED',
      'RELEASE_COMMAND_TIMED_OUT',
      null,
      'CONNECTION_LOST',
      'LOCK_LOST',
    ]);
  });

  it('cuts what a client states', async () => {
    await using fixture = await temporaryAudit();
    const long = {
      caller: 'x'.repeat(10_000),
      procedure: 'unlock',
      deploymentId: null,
      detail: 'y'.repeat(10_000),
    };
    await fixture.audit.call(long, async () => undefined);
    const [row] = fixture.audit.list({ limit: 1 });
    expect(row?.caller).toHaveLength(auditLimits.callerCharsMax);
    expect(row?.detail).toHaveLength(auditLimits.detailCharsMax);
  });

  it('never turns a success into a failure', async () => {
    await using fixture = await temporaryAudit();
    fixture.store.close();
    expect(await fixture.audit.call(entry, async () => 'done')).toBe('done');
    expect(fixture.lines.map((line) => line.msg)).toEqual(['audit row could not be written']);
  });
});
