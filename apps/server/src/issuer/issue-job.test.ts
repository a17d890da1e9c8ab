import { describe, expect, it } from 'vitest';
import { recordingLog } from '../testing/silent-log.ts';
import type { IssueOutcome, IssueRequest } from './certificate-authorities.ts';
import { methodsFor, runIssueJob } from './issue-job.ts';
import { NameFailures } from './name-failures.ts';
import type { AcmeNameRecord } from '@tako/store';
import type { RefusedName } from './order-thread.types.ts';

const refusedName = (name: string): RefusedName => ({ name, message: `${name} is refused`, problem: 'dns' });

/** A CA that certifies what `refuses` lets through; names and failures in memory. */
function createWorld(outcomeOf: (request: IssueRequest) => IssueOutcome) {
  const asked: string[][] = [];
  const rows = new Map<string, AcmeNameRecord>();
  const failures = new NameFailures({
    storage: {
      list: async () => [...rows.values()],
      put: async (record) => void rows.set(record.name, record),
      delete: async (name) => void rows.delete(name),
    },
    nowMs: () => 0,
    chance: () => 0.5,
  });
  const run = (names: string[], due = names, unreachable: string[] = []) =>
    runIssueJob(
      {
        authorities: {
          issue: async (request) => {
            asked.push([...request.names]);
            return outcomeOf(request);
          },
        },
        failures,
        unreachable: async () => unreachable.map(refusedName),
        challenges: ['http-01', 'tls-alpn-01'],
        log: recordingLog().log,
      },
      { deploymentId: 'web', names, due: new Set(due), replaces: null },
      new AbortController().signal,
    );
  return { asked, rows, run };
}

const issued = (request: IssueRequest): IssueOutcome => ({
  kind: 'issued',
  certificate: {
    id: request.names.join(),
    names: request.names,
    issuer: null,
    notBefore: 0,
    notAfter: 1,
    acme: { directory: 'ca', issuedAt: 0, renewAt: 1, ariId: null, ariNextAt: null },
  },
});

describe('an issue job', () => {
  it('asks again without the names that were refused', async () => {
    const world = createWorld((request) =>
      request.names.includes('b.com') ? { kind: 'names', names: [refusedName('b.com')] } : issued(request),
    );
    const certificates = await world.run(['a.com', 'b.com', 'c.com']);
    expect(world.asked).toEqual([
      ['a.com', 'b.com', 'c.com'],
      ['a.com', 'c.com'],
    ]);
    expect(certificates.map(({ id }) => id)).toEqual(['a.com,c.com']);
    expect([...world.rows.keys()]).toEqual(['b.com']);
  });

  it('does not ask again when nothing that is left is due', async () => {
    const world = createWorld(() => ({ kind: 'names', names: [refusedName('new.com')] }));
    expect(await world.run(['held.com', 'new.com'], ['new.com'])).toEqual([]);
    expect(world.asked).toHaveLength(1);
    expect([...world.rows.keys()]).toEqual(['new.com']);
  });

  it('ends when a CA refuses names that nobody asked for', async () => {
    const world = createWorld(() => ({ kind: 'names', names: [refusedName('other.com')] }));
    expect(await world.run(['a.com'])).toEqual([]);
    expect(world.asked).toHaveLength(1);
    expect([...world.rows.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(['a.com', 'other.com']);
  });

  it('asks in halves until the CA is content', async () => {
    const world = createWorld((request) =>
      request.names.length > 2 ? { kind: 'divide', message: 'too many' } : issued(request),
    );
    const names = ['a.com', 'b.com', 'c.com', 'd.com', 'e.com'];
    const certificates = await world.run(names);
    expect(certificates.flatMap((certificate) => certificate.names)).toEqual(names);
    expect(world.asked.map((list) => list.length)).toEqual([5, 3, 2, 1, 2]);
  });

  it('puts all that is due off together when no CA will, and nothing else', async () => {
    const world = createWorld(() => ({ kind: 'failed', message: 'down', retryAfterMs: 0 }));
    await world.run(['a.com', 'b.com', 'held.com'], ['a.com', 'b.com']);
    expect([...world.rows.values()]).toEqual(
      ['a.com', 'b.com'].map((name) => ({
        name,
        failures: 1,
        lastTriedAt: 0,
        nextTryAt: 60_000,
        lastError: 'down',
      })),
    );
  });

  it('asks nobody for names that do not reach us, nor when it is stopped', async () => {
    const world = createWorld(issued);
    expect(await world.run(['a.com'], ['a.com'], ['a.com'])).toEqual([]);
    expect(world.asked).toEqual([]);
    expect(world.rows.get('a.com')?.lastError).toBe('a.com is refused');
  });

  it('takes the next kind of challenge at each failure, and DNS for wildcards', () => {
    const kinds = ['http-01', 'tls-alpn-01', 'dns-01'] as const;
    expect(methodsFor('a.com', kinds, 0)).toEqual(['http-01', 'tls-alpn-01', 'dns-01']);
    expect(methodsFor('a.com', kinds, 1)[0]).toBe('tls-alpn-01');
    expect(methodsFor('a.com', kinds, 5)[0]).toBe('dns-01');
    expect(methodsFor('*.a.com', kinds, 1)).toEqual(['dns-01']);
    expect(methodsFor('a.com', [], 3)).toEqual([]);
  });
});
