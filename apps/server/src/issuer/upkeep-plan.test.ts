import { describe, expect, it } from 'vitest';
import { issuerLimits } from './limits.ts';
import { planUpkeep, supersededCertificates } from './upkeep-plan.ts';
import type { HeldCertificate, NameFailure, PlanInput } from './upkeep-plan.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;

function held(
  id: string,
  names: readonly string[],
  over: Partial<HeldCertificate['acme']> & { bornDays?: number } = {},
) {
  const born = NOW - (over.bornDays ?? 0) * DAY;
  const { bornDays: _, ...acme } = over;
  return {
    id,
    names,
    notBefore: born,
    notAfter: born + 90 * DAY,
    acme: {
      directory: 'ca',
      issuedAt: born,
      renewAt: born + 60 * DAY,
      ariId: null,
      ariNextAt: null,
      ...acme,
    },
  } satisfies HeldCertificate;
}

function plan(over: Partial<PlanInput>) {
  return planUpkeep({
    nowMs: NOW,
    wanted: [{ deploymentId: 'web', names: ['a.com', 'b.com'] }],
    certificates: [],
    failures: new Map(),
    busy: new Set(),
    isForeign: () => false,
    ...over,
  });
}

const failure = (over: Partial<NameFailure> = {}): NameFailure => ({
  failures: 1,
  lastTriedAt: NOW - 1_000,
  nextTryAt: NOW + 59_000,
  ...over,
});
const namesOf = (result: ReturnType<typeof plan>): string[][] => result.orders.map(({ names }) => [...names]);

describe('the plan', () => {
  it('orders the names of an app together, and nothing that is held and young', () => {
    expect(namesOf(plan({}))).toEqual([['a.com', 'b.com']]);
    const result = plan({ certificates: [held('1', ['a.com', 'b.com'])] });
    expect(result).toEqual({ orders: [], polls: [], nextAt: NOW + 60 * DAY });
  });

  it('renews when a certificate is due, and names what it replaces', () => {
    const result = plan({ certificates: [held('1', ['a.com', 'b.com'], { bornDays: 60 })] });
    expect(result.orders).toMatchObject([{ names: ['a.com', 'b.com'], replaces: '1', since: NOW }]);
    expect(plan({ certificates: [held('1', ['a.com', 'b.com'], { bornDays: 59.9 })] }).orders).toEqual([]);
  });

  it('adds a new name in one order with those that there are', () => {
    const result = plan({ certificates: [held('1', ['a.com'])] });
    expect(result.orders).toMatchObject([{ names: ['a.com', 'b.com'], due: new Set(['b.com']) }]);
  });

  it('leaves names that wait for their next try out', () => {
    const result = plan({ failures: new Map([['b.com', failure()]]) });
    expect(namesOf(result)).toEqual([['a.com']]);
    expect(result.nextAt).toBe(NOW + 59_000);
    expect(namesOf(plan({ failures: new Map([['b.com', failure({ nextTryAt: NOW })]]) }))).toEqual([
      ['a.com', 'b.com'],
    ]);
  });

  it('does nothing for an app with a name in an order, and looks at the others', () => {
    const wanted = [
      { deploymentId: 'web', names: ['a.com', 'b.com'] },
      { deploymentId: 'api', names: ['c.com'] },
    ];
    expect(namesOf(plan({ wanted, busy: new Set(['b.com']) }))).toEqual([['c.com']]);
  });

  it('puts names without a certificate first', () => {
    const wanted = [
      { deploymentId: 'a', names: ['a.com'] },
      { deploymentId: 'b', names: ['b.com'] },
    ];
    expect(namesOf(plan({ wanted, certificates: [held('1', ['a.com'], { bornDays: 70 })] }))).toEqual([
      ['b.com'],
      ['a.com'],
    ]);
  });

  it('divides more names than an order may have, and then leaves out those that are not due', () => {
    const names = Array.from({ length: 250 }, (_, index) => `n${String(index).padStart(3, '0')}.com`);
    const wanted = [{ deploymentId: 'web', names }];
    expect(namesOf(plan({ wanted })).map((list) => list.length)).toEqual([100, 100, 50]);
    expect(namesOf(plan({ wanted, certificates: [held('1', names.slice(0, 249))] }))).toEqual([['n249.com']]);
    const most = [{ deploymentId: 'web', names: names.slice(0, issuerLimits.namesPerOrderMax) }];
    expect(namesOf(plan({ wanted: most }))).toHaveLength(1);
  });

  it('is served by a wildcard where there is one', () => {
    const wanted = [{ deploymentId: 'web', names: ['*.a.com'] }];
    expect(plan({ wanted, certificates: [held('1', ['*.a.com'])] }).orders).toEqual([]);
    expect(plan({ certificates: [held('1', ['*.com'])] }).orders).toEqual([]);
  });

  it('replaces certificates of a CA that nobody trusts', () => {
    const result = plan({ certificates: [held('1', ['a.com', 'b.com'])], isForeign: () => true });
    expect(namesOf(result)).toEqual([['a.com', 'b.com']]);
  });

  it('asks for windows only of what serves, when it is time', () => {
    const certificates = [
      held('now', ['a.com'], { ariId: 'x', ariNextAt: NOW }),
      held('later', ['b.com'], { ariId: 'y', ariNextAt: NOW + 5 }),
      held('nobody', ['z.com'], { ariId: 'z', ariNextAt: NOW }),
    ];
    expect(plan({ certificates })).toEqual({ orders: [], polls: ['now'], nextAt: NOW + 5 });
  });
});

describe('a clock that jumps', () => {
  it('makes nothing due that was issued a moment ago by the same clock', () => {
    const ahead = held('1', ['a.com', 'b.com'], { bornDays: 400, issuedAt: NOW, renewAt: NOW + 45 * DAY });
    expect(plan({ certificates: [ahead] }).orders).toEqual([]);
    expect(plan({ nowMs: NOW + 46 * DAY, certificates: [ahead] }).orders).toHaveLength(1);
  });

  it('does not keep back, once it is mended, what it put off', () => {
    const failures = new Map([
      ['a.com', failure({ lastTriedAt: NOW + 365 * DAY, nextTryAt: NOW + 366 * DAY })],
      ['b.com', failure({ lastTriedAt: NOW + issuerLimits.clockSkewMs - 1 })],
    ]);
    expect(namesOf(plan({ failures }))).toEqual([['a.com']]);
    const late = held('1', ['a.com', 'b.com'], {
      bornDays: 61,
      issuedAt: NOW + DAY,
      renewAt: NOW + 300 * DAY,
    });
    expect(plan({ certificates: [late] }).orders).toHaveLength(1);
  });
});

describe('a certificate is taken away', () => {
  const wanted = [{ deploymentId: 'web', names: ['a.com', 'b.com'] }];
  const gone = (certificates: HeldCertificate[], customNames: string[] = []) =>
    supersededCertificates({ nowMs: NOW, certificates, wanted, customNames });

  it('when a later one serves each of its wanted names', () => {
    expect(
      gone([held('old', ['a.com', 'b.com'], { bornDays: 60 }), held('new', ['a.com', 'b.com'])]),
    ).toEqual(['old']);
    expect(gone([held('old', ['a.com', 'b.com'], { bornDays: 60 }), held('new', ['a.com'])])).toEqual([]);
  });

  it('when a newer one ends at the same second', () => {
    const both = [held('b', ['a.com', 'b.com']), held('a', ['a.com', 'b.com'], { issuedAt: NOW + 1 })];
    expect(gone(both)).toEqual(['b']);
    expect(gone(both.toReversed())).toEqual(['b']);
  });

  it('not when nobody wants it, until it has ended', () => {
    expect(gone([held('x', ['x.com'], { bornDays: 89 })])).toEqual([]);
    expect(gone([held('x', ['x.com'], { bornDays: 90 })])).toEqual(['x']);
  });

  it('not when it has ended and there is no other for its names', () => {
    expect(gone([held('1', ['a.com'], { bornDays: 500 })])).toEqual([]);
  });

  it('when its names are covered by one that was given to us', () => {
    expect(gone([held('x', ['x.com'])], ['x.com'])).toEqual(['x']);
    expect(gone([held('x', ['www.x.com', 'x.com'])], ['*.x.com'])).toEqual([]);
    expect(gone([held('x', ['www.x.com'])], ['*.x.com'])).toEqual(['x']);
  });
});
