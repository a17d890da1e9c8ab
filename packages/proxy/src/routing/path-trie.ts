// An immutable trie over path segments: one host's patterns and their owners. Every change returns a new root that
// shares what did not change. Knows no hosts.
import type { Route } from '@tako/config';

type RoutePath = Route['path'];

/** Mutable only while it is in the `fresh` set of the batch that made it. */
interface Node {
  /** Owners of the exact pattern that ends here, smallest id first; more than one only while control is mistaken. */
  exact: readonly string[];
  prefix: readonly string[];
  children: Map<string, Node>;
}

/** One pattern that an owner gains or loses. */
export interface PathEdit {
  readonly kind: 'add' | 'remove';
  readonly path: RoutePath;
  readonly owner: string;
}

export class PathTrie {
  static readonly empty = new PathTrie({ exact: [], prefix: [], children: new Map() });
  readonly #root: Node;

  private constructor(root: Node) {
    this.#root = root;
  }

  get isEmpty(): boolean {
    return isEmptyNode(this.#root);
  }

  /** Applies all edits in turn; each node on their way is copied once, whatever their number. */
  edit(edits: readonly PathEdit[]): PathTrie {
    const fresh = new Set<Node>();
    let root = this.#root;
    for (const edit of edits) root = applyEdit({ node: root, segments: segmentsOf(edit.path), edit, fresh });
    return new PathTrie(root);
  }

  /** The owner of the most specific pattern: the longest, exact before prefix. A trailing slash does not matter. */
  match(path: string): string | null {
    let node = this.#root;
    let best = node.prefix[0] ?? null;
    const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length;
    // "/" has no segments: it ends at the root.
    let start = 1;
    if (end <= 1) return node.exact[0] ?? best;
    while (start <= end) {
      if (node.children.size === 0) return best;
      const slash = path.indexOf('/', start);
      const stop = slash === -1 || slash > end ? end : slash;
      const child = node.children.get(path.slice(start, stop));
      if (child === undefined) return best;
      node = child;
      best = node.prefix[0] ?? best;
      if (stop >= end) return node.exact[0] ?? best;
      start = stop + 1;
    }
    return best;
  }
}

interface Step {
  readonly node: Node | undefined;
  readonly segments: readonly string[];
  readonly edit: PathEdit;
  readonly fresh: Set<Node>;
}

function applyEdit({ node, segments, edit, fresh }: Step): Node {
  const copy = ownCopy(node, fresh);
  const [head, ...rest] = segments;
  if (head === undefined) {
    const slot = edit.path.kind === 'exact' ? 'exact' : 'prefix';
    copy[slot] =
      edit.kind === 'add' ? insert(copy[slot], edit.owner) : copy[slot].filter((each) => each !== edit.owner);
    return copy;
  }
  const child = applyEdit({ node: copy.children.get(head), segments: rest, edit, fresh });
  if (isEmptyNode(child)) copy.children.delete(head);
  else copy.children.set(head, child);
  return copy;
}

function ownCopy(node: Node | undefined, fresh: Set<Node>): Node {
  if (node !== undefined && fresh.has(node)) return node;
  const copy: Node =
    node === undefined
      ? { exact: [], prefix: [], children: new Map() }
      : { exact: node.exact, prefix: node.prefix, children: new Map(node.children) };
  fresh.add(copy);
  return copy;
}

const segmentsOf = (path: RoutePath): readonly string[] =>
  path.kind === 'any' ? [] : path.path.slice(1).split('/');

const isEmptyNode = (node: Node): boolean =>
  node.exact.length === 0 && node.prefix.length === 0 && node.children.size === 0;

function insert(owners: readonly string[], owner: string): readonly string[] {
  return owners.includes(owner) ? owners : [...owners, owner].sort();
}
