// The fields of a response in the forms that node:http wants.
import { applyEdits, type HeaderEdits } from '../../headers/header-edits.ts';
import type { RawHeaders, UpstreamResponseHead } from '../../upstream/upstream.types.ts';

/** RFC 9110 §8.6: no length with 204. node:http throws at a Trailer field where nothing is chunked. */
export function fieldsOf(head: UpstreamResponseHead, edits: HeaderEdits): string[] {
  const without: string[] = [];
  if (head.status === 204) without.push('content-length');
  if (head.body.kind !== 'chunked') without.push('trailer');
  const fields = without.every((name) => head.field(name) === undefined)
    ? applyEdits(head.headers, edits)
    : applyEdits(head.headers, { ...edits, drop: new Set([...edits.drop, ...without]) });
  // An HTTP/2 app need not say it: its head ended the stream.
  if (head.body.kind === 'sized' && head.field('content-length') === undefined)
    fields.push('Content-Length', String(head.body.bytes));
  return fields;
}

export function pairsOf(trailers: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < trailers.length; index += 2)
    pairs.push([trailers[index] ?? '', trailers[index + 1] ?? '']);
  return pairs;
}
