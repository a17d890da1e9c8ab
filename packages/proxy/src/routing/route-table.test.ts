import { parseRoute, type Route } from '@tako/config';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RouteTable } from './route-table.ts';

const tableOf = (routes: Readonly<Record<string, readonly string[]>>): RouteTable =>
  RouteTable.empty.apply(
    Object.entries(routes).map(([owner, texts]) => ({ owner, removed: [], added: texts.map(parseRoute) })),
  );

describe('a route table', () => {
  test('prefers the exact host, then the longest wildcard', () => {
    const table = tableOf({ exact: ['a.example.com'], near: ['*.b.example.com'], far: ['*.example.com'] });
    expect(table.match('a.example.com', '/')).toBe('exact');
    expect(table.match('x.b.example.com', '/')).toBe('near');
    expect(table.match('y.x.b.example.com', '/')).toBe('near');
    expect(table.match('b.example.com', '/')).toBe('far');
    expect(table.match('example.com', '/')).toBeNull();
  });

  test('matches a prefix at whole segments, with and without the trailing slash', () => {
    const table = tableOf({ api: ['example.com/api/*'], page: ['example.com/about'] });
    for (const path of ['/api', '/api/', '/api/x', '/api/x/y/', '/api//x']) {
      expect([path, table.match('example.com', path)]).toEqual([path, 'api']);
    }
    expect(table.match('example.com', '/apix')).toBeNull();
    expect(table.match('example.com', '/')).toBeNull();
    expect(table.match('example.com', '/about')).toBe('page');
    expect(table.match('example.com', '/about/')).toBe('page');
    expect(table.match('example.com', '/about/us')).toBeNull();
  });

  test('prefers an exact path to a prefix, and the longest pattern', () => {
    const table = tableOf({
      all: ['example.com'],
      api: ['example.com/api/*'],
      exact: ['example.com/api'],
      deep: ['example.com/api/v1/*'],
    });
    expect(table.match('example.com', '/api')).toBe('exact');
    expect(table.match('example.com', '/api/')).toBe('exact');
    expect(table.match('example.com', '/api/v1/users')).toBe('deep');
    expect(table.match('example.com', '/api/v2')).toBe('api');
    expect(table.match('example.com', '/other')).toBe('all');
  });

  test('falls from a host whose paths do not match to the wildcard that does', () => {
    const table = tableOf({ api: ['a.x.com/api/*'], rest: ['*.x.com'] });
    expect(table.match('a.x.com', '/api/1')).toBe('api');
    expect(table.match('a.x.com', '/other')).toBe('rest');
  });

  test('lets a route move between deployments in one change', () => {
    const route = parseRoute('example.com');
    const before = RouteTable.empty.apply([{ owner: 'one', removed: [], added: [route] }]);
    const after = before.apply([
      { owner: 'two', removed: [], added: [route] },
      { owner: 'one', removed: [route], added: [] },
    ]);
    expect(before.match('example.com', '/')).toBe('one');
    expect(after.match('example.com', '/')).toBe('two');
  });

  test('agrees with a naive reference over any sequence of changes', () => {
    const host = fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', '*.a.com', '*.b.a.com', 'x.org', '*.x.org');
    const path = fc.constantFrom('', '/a', '/a/*', '/a/b', '/a/b/*', '/b/*', '/a/b/c');
    const routes = fc.uniqueArray(
      fc.tuple(host, path).map((parts) => parts.join('')),
      { maxLength: 6 },
    );
    const steps = fc.array(fc.tuple(fc.constantFrom('one', 'two', 'three'), routes), { maxLength: 8 });
    const probe = fc.tuple(
      fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', 'd.c.b.a.com', 'z.a.com', 'x.org', 'y.x.org', 'com'),
      fc.constantFrom(
        '/',
        '/a',
        '/a/',
        '/a/b',
        '/a/b/',
        '/a/b/c',
        '/a/b/c/d',
        '/b',
        '/b/x',
        '/ab',
        '//a',
        '/a//b',
      ),
    );
    fc.assert(
      fc.property(steps, fc.array(probe, { maxLength: 12 }), (changes, probes) => {
        const held = new Map<string, Route[]>();
        let table = RouteTable.empty;
        for (const [owner, texts] of changes) {
          const added = texts.map(parseRoute);
          table = table.apply([{ owner, removed: held.get(owner) ?? [], added }]);
          held.set(owner, added);
        }
        for (const [name, target] of probes) {
          expect([name, target, table.match(name, target)]).toEqual([
            name,
            target,
            naiveMatch(held, name, target),
          ]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('changes one deployment among 10,000 routes in a small fraction of building them', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      owner: `app-${index}`,
      removed: [],
      added: [parseRoute(`host-${index}.example.com/path-${index}/*`)],
    }));
    const built = performance.now();
    let table = RouteTable.empty.apply(many);
    const buildMs = performance.now() - built;
    const route = many[77]?.added ?? [];
    const changed = performance.now();
    for (let turn = 0; turn < 50; turn += 1) {
      table = table.apply([{ owner: 'app-77', removed: route, added: [] }]);
      table = table.apply([{ owner: 'app-77', removed: [], added: route }]);
    }
    const perChangeMs = (performance.now() - changed) / 100;
    expect(table.size).toBe(10_000);
    expect(table.match('host-77.example.com', '/path-77/x')).toBe('app-77');
    expect(perChangeMs).toBeLessThan(buildMs / 20);
  });

  test('holds 10,000 paths of one host', () => {
    const added = Array.from({ length: 10_000 }, (_, index) => parseRoute(`example.com/p${index}/*`));
    const table = RouteTable.empty.apply([{ owner: 'app', removed: [], added }]);
    expect(table.match('example.com', '/p9999/x')).toBe('app');
    expect(table.match('example.com', '/p10000/x')).toBeNull();
  });
});

/** The rule of spec 50 written down as a sort over every candidate. */
function naiveMatch(held: ReadonlyMap<string, readonly Route[]>, host: string, path: string): string | null {
  const bare = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const candidates = [...held].flatMap(([owner, routes]) => routes.map((route) => ({ owner, route })));
  const matching = candidates.filter(({ route }) => hostMatches(route, host) && pathMatches(route, bare));
  matching.sort(
    (a, b) =>
      Number(b.route.host.kind === 'exact') - Number(a.route.host.kind === 'exact') ||
      b.route.host.name.length - a.route.host.name.length ||
      pathLength(b.route) - pathLength(a.route) ||
      Number(b.route.path.kind === 'exact') - Number(a.route.path.kind === 'exact') ||
      (a.owner < b.owner ? -1 : 1),
  );
  return matching[0]?.owner ?? null;
}

const hostMatches = (route: Route, host: string): boolean =>
  route.host.kind === 'exact' ? host === route.host.name : host.endsWith(`.${route.host.name}`);

function pathMatches({ path: pattern }: Route, path: string): boolean {
  if (pattern.kind === 'any') return true;
  if (pattern.kind === 'exact') return path === pattern.path;
  return path === pattern.path || path.startsWith(`${pattern.path}/`);
}

const pathLength = ({ path }: Route): number => (path.kind === 'any' ? 0 : path.path.length);
