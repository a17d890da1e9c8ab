// Says which value of an input is wrong: its path, what was found, what is allowed. Never repeats a value that may be
// a secret. Knows zod's issues, but no procedure.
import { TakoError } from '@tako/config';
import type { z } from 'zod';
import { protocolLimits } from '../limits.ts';

/** Values below these keys are described, never shown. */
const confidentialKeys: ReadonlySet<string> = new Set([
  'certificate',
  'keyAuthorization',
  'owner',
  'privateKey',
  'secrets',
  'token',
]);

const shownCharsMax = 80;

/** INVALID_INPUT with every problem of the input in `details.problems` (the first ones, when there are many). */
export function invalidInput(
  procedure: string,
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
): TakoError {
  const problems = issues.slice(0, protocolLimits.inputIssuesMax).map((issue) => ({
    path: pathText(issue.path),
    found: found(input, issue.path),
    allowed: issue.message.slice(0, 500),
  }));
  const unnamed = issues.length - problems.length;
  const lines = problems.map(({ path, found, allowed }) => `${path} is ${found}: ${allowed}`);
  const more = unnamed > 0 ? `; and ${unnamed} more` : '';
  return new TakoError('INVALID_INPUT', `${procedure}: ${lines.join('; ')}${more}`, {
    hint: 'Correct the value. When a Tako client sent it, client and server are of different versions.',
    details: { procedure, problems, unnamed },
  });
}

/** INVALID_INPUT for a request that is no call at all. */
export function unreadableRequest(what: string): TakoError {
  return new TakoError('INVALID_INPUT', what, { hint: 'Talk to this socket through @tako/protocol/client.' });
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the input';
  return path
    .map((key) => String(key))
    .join('.')
    .slice(0, 200);
}

function found(input: unknown, path: readonly PropertyKey[]): string {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return 'absent';
    const next: unknown = Reflect.get(value, key);
    value = next;
  }
  return path.some((key) => confidentialKeys.has(String(key))) ? describe(value) : show(value);
}

function show(value: unknown): string {
  if (typeof value !== 'string')
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describe(value);
  const cut = value.length > shownCharsMax ? `${value.slice(0, shownCharsMax)}…` : value;
  return JSON.stringify(cut.toWellFormed());
}

function describe(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
