import { TakoError } from '@tako/config';
import { TRPCError } from '@trpc/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createErrorDoor, type InternalErrorReport } from './error-door.ts';

function door() {
  const reports: InternalErrorReport[] = [];
  return { reports, toTakoError: createErrorDoor((report) => reports.push(report)) };
}

describe('the door for errors', () => {
  it('lets a TakoError through as it is, also one that tRPC wrapped', () => {
    const { reports, toTakoError } = door();
    const error = new TakoError('LOCK_LOST', 'lost');
    expect(toTakoError(error, { where: 'scale' })).toBe(error);
    const wrapped = new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: error });
    expect(toTakoError(wrapped, { where: 'scale' })).toBe(error);
    expect(reports).toEqual([]);
  });

  it.each([
    ['an Error', new Error('swordfish')],
    ['a text', 'swordfish'],
    ['an object', { swordfish: true }],
    ['nothing', undefined],
    [
      "the service's own ZodError",
      new z.ZodError([{ code: 'custom', path: ['swordfish'], message: 'swordfish', input: 1 }]),
    ],
    ["another package's timeout", new DOMException('swordfish', 'TimeoutError')],
    ['an abort that no client made', new DOMException('swordfish', 'AbortError')],
    [
      'an error that tRPC wrapped',
      new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: new Error('swordfish') }),
    ],
  ])('tells nothing of %s but an incident, and reports it', (_what, thrown) => {
    const { reports, toTakoError } = door();
    const error = toTakoError(thrown, { where: 'scale' });
    expect(error.code).toBe('INTERNAL');
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('swordfish');
    expect(error.cause).toBeUndefined();
    expect(reports).toEqual([
      {
        incidentId: error.details['incidentId'],
        where: 'scale',
        cause: thrown instanceof TRPCError ? thrown.cause : thrown,
      },
    ]);
  });

  it('takes the abort of a client that left for no incident', () => {
    const { reports, toTakoError } = door();
    const error = toTakoError(new DOMException('left', 'AbortError'), { where: 'logs', aborted: true });
    expect(error.code).toBe('INTERRUPTED');
    expect(reports).toEqual([]);
  });

  it('names the first problems of an input and counts the rest', () => {
    const { toTakoError } = door();
    const schema = z.array(z.number());
    const at = (count: number) => {
      const input = Array.from({ length: count }, () => 'x');
      const cause = schema.safeParse(input).error;
      return toTakoError(new TRPCError({ code: 'BAD_REQUEST', cause }), { where: 'deploy', input });
    };
    expect(at(20).details).toMatchObject({ problems: { length: 20 }, unnamed: 0 });
    expect(at(21).details).toMatchObject({ problems: { length: 20 }, unnamed: 1 });
    expect(at(21).message).toMatch(/; and 1 more$/);
    expect(at(1).details['problems']).toEqual([
      { path: '0', found: '"x"', allowed: expect.stringContaining('number') },
    ]);
  });

  it('describes what was found without repeating what may be confidential', () => {
    const { toTakoError } = door();
    const schema = z.strictObject({
      token: z.number(),
      secrets: z.record(z.string(), z.number()),
      name: z.number(),
      list: z.number(),
    });
    const input = {
      token: 'swordfish',
      secrets: { A: 'swordfish' },
      name: 'y'.repeat(100),
      list: ['swordfish'],
    };
    const cause = schema.safeParse(input).error;
    const error = toTakoError(new TRPCError({ code: 'BAD_REQUEST', cause }), { where: 'deploy', input });
    const found = (error.details['problems'] as { path: string; found: string }[]).map((problem) => [
      problem.path,
      problem.found,
    ]);
    expect(Object.fromEntries(found)).toEqual({
      token: 'a string of 9 characters',
      'secrets.A': 'a string of 9 characters',
      name: `"${'y'.repeat(80)}…"`,
      list: 'a list of 1',
    });
    expect(error.message).not.toContain('swordfish');
  });
});
