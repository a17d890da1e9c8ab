// Field lists as Node wants them for informational sections and trailers of HTTP/2.
import type { RawHeaders } from '../upstream/upstream.types.ts';

/** An object; names in lower case, repeated fields as lists. */
export function fieldRecord(headers: RawHeaders): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    const value = headers[index + 1] ?? '';
    const before = record[name];
    if (before === undefined) record[name] = value;
    else if (typeof before === 'string') record[name] = [before, value];
    else before.push(value);
  }
  return record;
}
