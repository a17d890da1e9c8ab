// The forms an app may have: a fetch handler or {fetch, ready?, drain?}. Pure.

/** Answers one request. `this` is the object that holds it, so that a class or a Hono app works. */
export type FetchHandler = (request: Request, server?: unknown) => Response | Promise<Response>;

export interface Hooks {
  /** Awaited before readiness is said. A throw ends the process with the reason. */
  readonly ready?: (() => unknown) | undefined;
  /** Awaited after the last request has ended, before the process exits. */
  readonly drain?: (() => unknown) | undefined;
}

export interface FetchApp extends Hooks {
  readonly fetch: FetchHandler;
  /** Bun only: handed to `Bun.serve`. */
  readonly websocket?: unknown;
}

export type AppForm =
  { readonly kind: 'app'; readonly app: FetchApp } | { readonly kind: 'refused'; readonly reason: string };

/** Which app a value is. Names what is wrong with one that cannot be served. */
export function readApp(value: unknown): AppForm {
  if (isFetchApp(value)) return { kind: 'app', app: value };
  if (isFunction(value)) {
    if ('listen' in value && 'use' in value)
      return {
        kind: 'refused',
        reason:
          "it is an app of Express's kind: call attach(app.listen(process.env.PORT)) instead of exporting it",
      };
    if (value.length > 2)
      return { kind: 'refused', reason: 'it takes more than (request, server), so it is no fetch handler' };
    return { kind: 'app', app: { fetch: value } };
  }
  if (typeof value === 'object' && value !== null && 'listen' in value) {
    return {
      kind: 'refused',
      reason: 'it is a server: call attach(server) and listen on process.env.PORT instead of exporting it',
    };
  }
  return {
    kind: 'refused',
    reason: `it is ${describe(value)}, neither a fetch handler nor {fetch, ready?, drain?}`,
  };
}

function isFetchApp(value: unknown): value is FetchApp {
  const isObjectLike = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObjectLike && 'fetch' in value && typeof value.fetch === 'function';
}

function isFunction(value: unknown): value is FetchHandler {
  return typeof value === 'function';
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
