// Header access shared by the exchanges of the general lane.
import type { IncomingMessage } from 'node:http';
import type { HeaderEdits } from '../../headers/header-edits.ts';
import type { RequestFacts } from './request-facts.ts';

export function readHeader(message: IncomingMessage, name: string): string | undefined {
  const value = message.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** With absolute form the target's authority is the Host that everybody sees (RFC 9112 §3.2.2). */
export function hostEdits(facts: RequestFacts, edits: HeaderEdits): HeaderEdits {
  if (!facts.isAbsolute) return edits;
  return {
    ...edits,
    drop: new Set([...edits.drop, 'host']),
    add: [...edits.add, 'Host', facts.authority ?? ''],
  };
}
