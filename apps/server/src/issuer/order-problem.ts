// What went wrong in talking to a CA, as one error of facts. Knows axios' shapes, so that nobody else has to.
import { parseRetryAfter } from './retry-after.ts';
import type { CaFailure, OrderPhase, RefusedName } from './order-thread.types.ts';

const prefix = 'urn:ietf:params:acme:error:';

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

export function problemType(problem: unknown): string | null {
  return textOf(fieldsOf(problem)['type'])?.replace(prefix, '') ?? null;
}

/** `detail` of a problem document (RFC 7807), its type in front. */
export function problemText(problem: unknown): string {
  const detail = textOf(fieldsOf(problem)['detail']);
  const type = problemType(problem);
  return [type, detail].filter((part) => part !== null).join(': ') || 'no reason given';
}

/** RFC 8555 §6.7.1. */
function subproblemsOf(problem: unknown): RefusedName[] {
  const list = fieldsOf(problem)['subproblems'];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    const name = textOf(fieldsOf(fieldsOf(entry)['identifier'])['value']);
    return name === null
      ? []
      : [{ name: name.toLowerCase(), message: problemText(entry), problem: problemType(entry) }];
  });
}

/** An answer that a CA means as an error. */
export class AcmeProblem extends Error {
  readonly status: number;
  readonly problem: unknown;
  readonly retryAfterMs: number | null;

  constructor(response: { status: number; data: unknown; headers: unknown }) {
    super(problemText(response.data));
    this.status = response.status;
    this.problem = response.data;
    this.retryAfterMs = parseRetryAfter(textOf(fieldsOf(response.headers)['retry-after']), Date.now());
  }

  get type(): string | null {
    return problemType(this.problem);
  }
}

/** What an order ended with (RFC 8555 §7.1.6, `error`). */
export class OrderInvalid extends Error {
  readonly problem: unknown;

  constructor(problem: unknown) {
    super(problemText(problem));
    this.problem = problem;
  }
}

function codeOf(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at ? textOf(at.code) : null;
    if (code !== null) return code;
  }
  return null;
}

export function toFailure(error: unknown, phase: OrderPhase): CaFailure {
  const none = { phase, problem: null, status: null, networkCode: null, retryAfterMs: null, subproblems: [] };
  if (error instanceof AcmeProblem) {
    return {
      ...none,
      message: error.message === 'no reason given' ? `HTTP ${error.status}` : error.message,
      problem: error.type,
      status: error.status,
      retryAfterMs: error.retryAfterMs,
      subproblems: subproblemsOf(error.problem),
    };
  }
  if (error instanceof OrderInvalid) {
    return {
      ...none,
      message: error.message,
      problem: problemType(error.problem),
      subproblems: subproblemsOf(error.problem),
    };
  }
  return {
    ...none,
    message: error instanceof Error ? error.message || error.name : String(error),
    networkCode: codeOf(error),
  };
}
