import { describe, expect, it } from 'vitest';
import { AcmeProblem, OrderInvalid, toFailure } from './order-problem.ts';
import type { CaFailure } from './order-thread.types.ts';
import { failureText, isOwnFault, judgeFailure } from './order-verdict.ts';

const names = ['a.com', 'b.com', '*.c.com'];
const failure = (over: Partial<CaFailure>): CaFailure => ({
  phase: 'order',
  message: 'no',
  problem: null,
  status: null,
  networkCode: null,
  retryAfterMs: null,
  subproblems: [],
  ...over,
});

describe('a failed order', () => {
  it('is about the names that the CA blames, wildcards by their base', () => {
    const subproblems = [
      { name: 'a.com', message: 'bad', problem: 'rejectedIdentifier' },
      { name: 'c.com', message: 'worse', problem: 'caa' },
      { name: 'other.com', message: 'not ours', problem: 'dns' },
    ];
    expect(judgeFailure(failure({ problem: 'compound', status: 400, subproblems }), names)).toEqual({
      kind: 'names',
      names: [subproblems[0], { ...subproblems[1], name: '*.c.com' }],
    });
  });

  it.each(['rejectedIdentifier', 'unsupportedIdentifier', 'malformed', 'caa'])(
    'for %s without a name is asked again in parts, until one name is left',
    (problem) => {
      const verdict = judgeFailure(failure({ problem, status: 400 }), names);
      expect(verdict).toMatchObject({ kind: 'divide' });
      const single = judgeFailure(failure({ problem, status: 400 }), ['a.com']);
      expect(single.kind).toBe(problem === 'malformed' ? 'ca' : 'names');
    },
  );

  it('for a rate limit waits as long as it says, for these names only', () => {
    const verdict = judgeFailure(
      failure({ problem: 'rateLimited', status: 429, retryAfterMs: 5_000 }),
      names,
    );
    expect(verdict).toEqual({ kind: 'ca', message: 'no', pause: { ms: 5_000, whole: false } });
    expect(judgeFailure(failure({ phase: 'account', status: 429 }), names)).toMatchObject({
      pause: { ms: 0, whole: true },
    });
    expect(judgeFailure(failure({ status: 503, retryAfterMs: 9 }), names)).toMatchObject({
      pause: { ms: 9, whole: true },
    });
  });

  it.each([
    failure({ status: 500, problem: 'serverInternal' }),
    failure({ networkCode: 'ECONNREFUSED' }),
    failure({ phase: 'challenge', problem: 'malformed', status: 400 }),
    failure({ phase: 'finalize', problem: 'badCSR', status: 400 }),
  ])('of the CA itself has the next CA asked: %j', (value) => {
    expect(judgeFailure(value, names)).toMatchObject({ kind: 'ca', pause: null });
  });

  it('for an unknown account has it made anew', () => {
    const verdict = judgeFailure(failure({ problem: 'accountDoesNotExist', status: 400 }), names);
    expect(verdict.kind).toBe('account');
  });

  it('says where a look would help', () => {
    expect(failureText(failure({ networkCode: 'CERT_HAS_EXPIRED' }))).toContain('timedatectl');
    expect(failureText(failure({ networkCode: 'SELF_SIGNED_CERT_IN_CHAIN' }))).toContain('--acme-ca-file');
    expect(failureText(failure({ message: 'refused', networkCode: 'ECONNREFUSED' }))).toBe(
      'refused (ECONNREFUSED)',
    );
    expect(failureText(failure({ message: 'connect ECONNREFUSED', networkCode: 'ECONNREFUSED' }))).toBe(
      'connect ECONNREFUSED',
    );
  });

  it('another CA could do better with only for what is the CA’s own', () => {
    const name = { name: 'a.com', message: '' };
    expect(isOwnFault({ ...name, problem: 'dns' })).toBe(true);
    expect(isOwnFault({ ...name, problem: null })).toBe(true);
    expect(isOwnFault({ ...name, problem: 'caa' })).toBe(false);
  });
});

describe('an error', () => {
  it('of a CA keeps type, names and Retry-After', () => {
    const prefix = 'urn:ietf:params:acme:error:';
    const data = {
      type: `${prefix}rateLimited`,
      detail: 'too many',
      subproblems: [
        { type: `${prefix}dns`, detail: 'NXDOMAIN', identifier: { type: 'dns', value: 'A.com' } },
        { type: `${prefix}dns` },
      ],
    };
    const error = new AcmeProblem({ status: 429, data, headers: { 'retry-after': '60' } });
    expect(toFailure(error, 'order')).toEqual({
      phase: 'order',
      message: 'rateLimited: too many',
      problem: 'rateLimited',
      status: 429,
      networkCode: null,
      retryAfterMs: 60_000,
      subproblems: [{ name: 'a.com', message: 'dns: NXDOMAIN', problem: 'dns' }],
    });
    expect(toFailure(new AcmeProblem({ status: 502, data: '<html>', headers: {} }), 'order').message).toBe(
      'HTTP 502',
    );
  });

  it('of an order or the network is told as it is', () => {
    expect(toFailure(new OrderInvalid({ detail: 'no' }), 'finalize')).toMatchObject({
      message: 'no',
      phase: 'finalize',
    });
    const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect(toFailure(new Error('wrapped', { cause: network }), 'account')).toMatchObject({
      message: 'wrapped',
      networkCode: 'ECONNREFUSED',
    });
    expect(toFailure('text', 'account').message).toBe('text');
  });
});
