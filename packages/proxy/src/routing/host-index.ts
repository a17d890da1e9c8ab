// An immutable map from host name to path patterns, in shards: changing one of 10,000 hosts copies one shard of some
// forty, not the whole. Knows no wildcards.
import { PathTrie, type PathEdit } from './path-trie.ts';

const shardCount = 256;
type Shard = ReadonlyMap<string, PathTrie>;
const emptyShard: Shard = new Map();

export class HostIndex {
  static readonly empty = new HostIndex(
    Array.from({ length: shardCount }, () => emptyShard),
    0,
  );
  readonly #shards: readonly Shard[];
  readonly size: number;

  private constructor(shards: readonly Shard[], size: number) {
    this.#shards = shards;
    this.size = size;
  }

  get(name: string): PathTrie | undefined {
    return this.#shards[shardOf(name)]?.get(name);
  }

  /** Applies all edits at once: each touched shard is copied once. */
  edit(edits: ReadonlyMap<string, readonly PathEdit[]>): HostIndex {
    if (edits.size === 0) return this;
    const shards = [...this.#shards];
    const copied = new Map<number, Map<string, PathTrie>>();
    let size = this.size;
    for (const [name, pathEdits] of edits) {
      const number = shardOf(name);
      let shard = copied.get(number);
      if (shard === undefined) {
        shard = new Map(shards[number]);
        copied.set(number, shard);
        shards[number] = shard;
      }
      const before = shard.size;
      const trie = (shard.get(name) ?? PathTrie.empty).edit(pathEdits);
      if (trie.isEmpty) shard.delete(name);
      else shard.set(name, trie);
      size += shard.size - before;
    }
    return new HostIndex(shards, size);
  }
}

/** FNV-1a over the characters; attackers gain nothing, since only operators add hosts. */
function shardOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % shardCount;
}
