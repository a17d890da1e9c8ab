// Which deployment serves a host and path: exact host, then the longest wildcard, then the longest path pattern,
// where a candidate must match host and path (spec 50). Immutable; lookup cost does not grow with the routes.
import type { Route } from '@tako/config';
import { HostIndex } from './host-index.ts';
import type { PathEdit } from './path-trie.ts';

export interface RouteChange {
  readonly owner: string;
  readonly removed: readonly Route[];
  readonly added: readonly Route[];
}

export class RouteTable {
  static readonly empty = new RouteTable(HostIndex.empty, HostIndex.empty);
  readonly #exact: HostIndex;
  readonly #wildcard: HostIndex;

  private constructor(exact: HostIndex, wildcard: HostIndex) {
    this.#exact = exact;
    this.#wildcard = wildcard;
  }

  /** Hosts in the table, wildcards included. */
  get size(): number {
    return this.#exact.size + this.#wildcard.size;
  }

  /** A new table; every removal comes before any addition, so that a route may move between deployments. */
  apply(changes: readonly RouteChange[]): RouteTable {
    const edits = { exact: new Map<string, PathEdit[]>(), wildcard: new Map<string, PathEdit[]>() };
    for (const { owner, removed } of changes) {
      for (const route of removed)
        queue(edits[route.host.kind], route, { kind: 'remove', path: route.path, owner });
    }
    for (const { owner, added } of changes) {
      for (const route of added)
        queue(edits[route.host.kind], route, { kind: 'add', path: route.path, owner });
    }
    return new RouteTable(this.#exact.edit(edits.exact), this.#wildcard.edit(edits.wildcard));
  }

  /** The owner, or null. `host` as `normalizeHost` gives it, `path` raw. */
  match(host: string, path: string): string | null {
    const owner = this.#exact.get(host)?.match(path) ?? null;
    if (owner !== null || this.#wildcard.size === 0) return owner;
    // From the left: "b.example.com" before "example.com", so the longest wildcard comes first.
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#wildcard.get(host.slice(dot + 1))?.match(path) ?? null;
      if (found !== null) return found;
    }
    return null;
  }
}

function queue(edits: Map<string, PathEdit[]>, route: Route, edit: PathEdit): void {
  const list = edits.get(route.host.name);
  if (list === undefined) edits.set(route.host.name, [edit]);
  else list.push(edit);
}
