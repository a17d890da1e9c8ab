// Fuzz target: whatever a route pattern is accepted as, it reads the same again, and the table finds for it exactly
// what a comparison with every route finds.
import assert from 'node:assert/strict';
import { compareRoutes, readRoute, type Route } from '@tako/config';
import { readRequestPath } from '../routing/request-path.ts';
import { RouteTable } from '../routing/route-table.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const corpus = [
  'example.com\nwww.example.com/\n*.example.com/api/*\nexample.com/api\nexample.com/api/* example.com/api/x',
  '*.a.example.com\n*.example.com\nb.a.example.com/x/y/*\nb.a.example.com/x/* b.a.example.com/x/y/z',
  'xn--bcher-kva.example\nexample.com/%7Euser/*\nexample.com/a-b_c.d~e/ example.com/%7Euser/',
].map((text) => Buffer.from(text, 'latin1'));

export const routePatternTarget: FuzzTarget = {
  name: 'route patterns',
  corpus,
  /** Lines of routes, then a space, then the host and path that are asked for. */
  check: (bytes) => {
    const text = bytes.toString('latin1');
    const end = text.lastIndexOf(' ');
    const routes = readRoutes(text.slice(0, Math.max(0, end)).split('\n'));
    const table = RouteTable.empty.apply(
      routes.map((route) => ({ owner: route.text, removed: [], added: [route] })),
    );
    const asked = text.slice(end + 1);
    const slash = asked.indexOf('/');
    const host = (slash === -1 ? asked : asked.slice(0, slash)).toLowerCase();
    const reading = readRequestPath(slash === -1 ? '/' : asked.slice(slash));
    const path = reading.kind === 'ok' ? reading.path : '/';
    assert.equal(table.match(host, path), matchNaively(routes, host, path));
    for (const route of routes) {
      const without = table.apply([{ owner: route.text, removed: [route], added: [] }]);
      assert.notEqual(without.match(host, path), route.text);
    }
  },
};

/** Each pattern once; two owners of one route are a conflict that the server refuses before. */
function readRoutes(lines: readonly string[]): Route[] {
  const routes = new Map<string, Route>();
  for (const line of lines) {
    const reading = readRoute(line);
    if (reading.kind === 'wrong') {
      assert.notEqual(reading.reason, '');
      continue;
    }
    const again = readRoute(reading.value.text);
    assert.deepEqual(again, reading, 'the canonical form reads as itself');
    routes.set(reading.value.text, reading.value);
  }
  return [...routes.values()];
}

function matchNaively(routes: readonly Route[], host: string, path: string): string | null {
  const found = routes
    .filter((route) => matchesHost(route, host) && matchesPath(route, path))
    .sort(compareRoutes);
  return found[0]?.text ?? null;
}

const matchesHost = ({ host }: Route, asked: string): boolean =>
  host.kind === 'exact' ? asked === host.name : asked.endsWith(`.${host.name}`);

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

function matchesPath({ path }: Route, asked: string): boolean {
  if (path.kind === 'any') return true;
  const text = withoutSlash(asked);
  return text === path.path || (path.kind === 'prefix' && text.startsWith(`${path.path}/`));
}
