// What an extraction has made so far, as a model: it starts empty and nobody else writes there, so the model is the
// truth and no question about links ever goes to the file system. Pure.
import { TakoError } from '@tako/config';
import { pathRefused } from './entry-path.ts';
import { releaseLimits } from './limits.ts';

type Node =
  | { readonly kind: 'file' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'link'; readonly target: string };

function linkRefused(path: string, target: string, why: string): TakoError {
  return new TakoError(
    'ARCHIVE_LINK_REFUSED',
    `The archive's link ${JSON.stringify(path)} to ${JSON.stringify(target)} ${why}.`,
    {
      hint: 'Links in a release must be relative and stay inside it; replace this one by what it points to.',
      details: { path, target, why },
    },
  );
}

export class ReleaseTree {
  readonly #nodes = new Map<string, Node>();
  /** Path in lower case and NFC → the path as it came: two that differ only so are one on some file systems. */
  readonly #folded = new Map<string, string>();

  /** Makes a directory known; true when it is new. Parents are made known, too, and come back in order. */
  addDirectory(segments: readonly string[]): string[] {
    const made: string[] = [];
    for (let depth = 1; depth <= segments.length; depth += 1) {
      const path = segments.slice(0, depth).join('/');
      const node = this.#nodes.get(path);
      if (node?.kind === 'directory') continue;
      if (node !== undefined) this.#refuseThrough(segments.join('/'), path, node);
      this.#add(path, { kind: 'directory' });
      made.push(path);
    }
    return made;
  }

  addFile(segments: readonly string[]): void {
    this.#addLeaf(segments, { kind: 'file' });
  }

  addLink(segments: readonly string[], target: string): void {
    const path = segments.join('/');
    if (target === '' || target.includes('\0')) throw linkRefused(path, target, 'has no usable target');
    if (target.startsWith('/')) throw linkRefused(path, target, 'is absolute');
    this.#addLeaf(segments, { kind: 'link', target });
  }

  /** A hard link may only name a regular file that came before it. */
  addHardLink(segments: readonly string[], target: readonly string[]): void {
    const path = segments.join('/');
    const targetPath = target.join('/');
    if (this.#nodes.get(targetPath)?.kind !== 'file') {
      throw linkRefused(path, targetPath, 'names no file that came before it in the archive');
    }
    this.#addLeaf(segments, { kind: 'file' });
  }

  /**
   * Follows every symbolic link as the kernel would (path_resolution(7)) and refuses one that ever leaves the
   * release. To be called when all entries are known: a link may go through one that comes after it.
   */
  assertLinksInside(): void {
    for (const [path, node] of this.#nodes) {
      if (node.kind === 'link') this.#follow(path, node.target);
    }
  }

  #addLeaf(segments: readonly string[], node: Node): void {
    const path = segments.join('/');
    if (segments.length === 0)
      throw pathRefused(path, 'the release itself as something other than a directory');
    if (this.#nodes.has(path)) throw pathRefused(path, 'a path that it held before');
    this.#add(path, node);
  }

  #add(path: string, node: Node): void {
    const folded = path.normalize('NFC').toLowerCase();
    const other = this.#folded.get(folded);
    if (other !== undefined)
      throw pathRefused(path, `which differs from ${JSON.stringify(other)} only in case`);
    this.#folded.set(folded, path);
    this.#nodes.set(path, node);
  }

  #refuseThrough(path: string, at: string, node: Node): never {
    if (node.kind === 'link')
      throw linkRefused(at, node.target, `is used as a directory by ${JSON.stringify(path)}`);
    throw pathRefused(path, `which goes through the file ${JSON.stringify(at)}`);
  }

  #follow(path: string, target: string): void {
    let hops = 1;
    const at = path.split('/').slice(0, -1);
    const todo = target.split('/').reverse();
    for (let segment = todo.pop(); segment !== undefined; segment = todo.pop()) {
      if (segment === '' || segment === '.') continue;
      if (segment === '..') {
        if (at.pop() === undefined) throw linkRefused(path, target, 'leaves the release');
        continue;
      }
      const node = this.#nodes.get([...at, segment].join('/'));
      if (node?.kind !== 'link') {
        at.push(segment);
        continue;
      }
      hops += 1;
      if (hops > releaseLimits.linkHopsMax) throw linkRefused(path, target, 'goes round in a circle');
      todo.push(...node.target.split('/').reverse());
    }
  }
}
