// A route: host and path pattern, as people write it in tako.toml, as the server compares it and as the proxy
// matches it. Pure; owns the grammar and the order of specificity, no table.
import { limits } from './limits.ts';
import { readRouteHost, type Reading, type RouteHost } from './route-host.ts';
import { readRoutePath, type RoutePath } from './route-path.ts';
import { TakoError } from './tako-error.ts';

export interface Route {
  /** The canonical form: equal texts are equal routes. */
  readonly text: string;
  readonly host: RouteHost;
  readonly path: RoutePath;
}

export const routeHint =
  'A route is a host name with an optional path: "example.com", "*.example.com", "example.com/api/*".';

/** Parses `example.com`, `*.example.com`, `example.com/api/*`. Errors: ROUTE_INVALID, with what is wrong. */
export function parseRoute(text: string): Route {
  const reading = readRoute(text);
  if (reading.kind === 'ok') return reading.value;
  const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  throw new TakoError('ROUTE_INVALID', `${shown} is not a valid route: ${reading.reason}`, {
    hint: routeHint,
    details: { reason: reading.reason },
  });
}

/** `parseRoute` without the throw, for callers that collect problems. */
export function readRoute(text: string): Reading<Route> {
  if (text === '') return { kind: 'wrong', reason: 'it is empty' };
  if (text.length > limits.routeCharsMax) {
    return { kind: 'wrong', reason: `it is longer than ${limits.routeCharsMax} characters` };
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text);
  if (scheme !== null) return { kind: 'wrong', reason: `a route has no scheme; leave "${scheme[0]}" away` };
  if (/[\s\p{Cc}]/u.test(text)) return { kind: 'wrong', reason: 'it holds a space or a control character' };
  if (text.includes('?')) return { kind: 'wrong', reason: 'a route has no query' };
  if (text.includes('#')) return { kind: 'wrong', reason: 'a route has no fragment' };
  if (text === '*' || text.startsWith('*/')) {
    return { kind: 'wrong', reason: 'there is no catch-all; name the host' };
  }
  const slash = text.indexOf('/');
  const host = readRouteHost(slash === -1 ? text : text.slice(0, slash));
  if (host.kind === 'wrong') return host;
  const path = readRoutePath(slash === -1 ? '' : text.slice(slash));
  if (path.kind === 'wrong') return path;
  return { kind: 'ok', value: createRoute(host.value, path.value) };
}

/** Equal keys are the same host and path pattern: a conflict between two deployments (spec 30). */
export function routeKey(route: Route): string {
  return route.text;
}

/**
 * Sorts the most specific first (spec 50): exact host, longest wildcard, longest path, exact path before prefix. The
 * text decides between equals, so that the order is total.
 */
export function compareRoutes(a: Route, b: Route): number {
  return compareHosts(a.host, b.host) || comparePaths(a.path, b.path) || compareTexts(a.text, b.text);
}

/** A host without `*.` as the URL's host, `/` as the path where there is none: what to show a person or a browser. */
export function routeUrl(route: Route, scheme: 'http' | 'https' = 'https'): string {
  const path = route.path.kind === 'any' ? '/' : route.path.path;
  return `${scheme}://${route.host.kind === 'wildcard' ? '*.' : ''}${route.host.name}${path}`;
}

function createRoute(host: RouteHost, path: RoutePath): Route {
  const hostText = host.kind === 'wildcard' ? `*.${host.name}` : host.name;
  return Object.freeze({ text: `${hostText}${pathText(path)}`, host, path });
}

function pathText(path: RoutePath): string {
  if (path.kind === 'any') return '';
  return path.kind === 'prefix' ? `${path.path}/*` : path.path;
}

function compareHosts(a: RouteHost, b: RouteHost): number {
  if (a.kind !== b.kind) return a.kind === 'exact' ? -1 : 1;
  // Two wildcards that match the same name are nested, so the longer text is the deeper one.
  return a.kind === 'wildcard' ? b.name.length - a.name.length : 0;
}

function comparePaths(a: RoutePath, b: RoutePath): number {
  const lengthOf = (path: RoutePath): number => (path.kind === 'any' ? 0 : path.path.length);
  const rankOf = (path: RoutePath): number => (path.kind === 'exact' ? 0 : 1);
  return lengthOf(b) - lengthOf(a) || rankOf(a) - rankOf(b);
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
