// The page a client gets when Tako itself answers: plain HTML, or JSON by Accept, with the request id and nothing of
// what is inside.
import { STATUS_CODES } from 'node:http';
import type { Reply } from '../pipeline/exchange.ts';
import { failureRow, type FailureKind } from './failure.ts';

export interface ErrorPageInput {
  readonly kind: FailureKind;
  readonly requestId: string;
  readonly accept: string | undefined;
  readonly retryAfterSeconds: number;
}

const sentences: Readonly<Record<number, string>> = {
  400: 'The request could not be understood.',
  404: 'There is nothing at this address.',
  408: 'The request took too long to arrive.',
  413: 'The request is too large.',
  417: 'The expectation of the request cannot be met.',
  421: 'This connection does not serve that host.',
  429: 'There are too many requests from this address at the moment.',
  431: 'The head of the request is too large.',
  502: 'The application did not answer properly.',
  503: 'The application is not available at the moment. Please try again soon.',
  504: 'The application did not answer in time.',
};
/** Where the status alone does not say it. */
const sentencesOfKinds: Readonly<Partial<Record<FailureKind, string>>> = {
  // A person who meets it should know that somebody is at work.
  maintenance: 'The application is under maintenance. It will be back soon.',
  upgradeImpossible: 'The application takes no WebSockets.',
};

export function errorReply({ kind, requestId, accept, retryAfterSeconds }: ErrorPageInput): Reply {
  const { status, retryLater, close } = failureRow(kind);
  const asJson = prefersJson(accept);
  const headers = [
    'Content-Type',
    asJson ? 'application/json' : 'text/html; charset=utf-8',
    'Cache-Control',
    'no-store',
    'X-Request-ID',
    requestId,
  ];
  if (retryLater) headers.push('Retry-After', String(retryAfterSeconds));
  const title = STATUS_CODES[status] ?? 'Error';
  const sentence = sentencesOfKinds[kind] ?? sentences[status] ?? title;
  const body = asJson
    ? `${JSON.stringify({ error: { status, title, message: sentence, requestId } })}\n`
    : htmlPage({ status, title, sentence, requestId });
  return { status, headers, body, close };
}

function htmlPage({
  status,
  title,
  sentence,
  requestId,
}: {
  status: number;
  title: string;
  sentence: string;
  requestId: string;
}): string {
  const id = requestId.replaceAll(/[^\w.:+/=~@-]/g, '');
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${status} ${title}</title></head>`,
    `<body><h1>${status} ${title}</h1><p>${sentence}</p><p><small>Request ${id}</small></p></body></html>`,
    '',
  ].join('\n');
}

/** JSON where it is asked for with a higher weight than HTML (RFC 9110 §12.5.1); HTML for browsers and `*` alike. */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let json = 0;
  let html = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const weight = qualityOf(parameters);
    if (type === 'application/json' || type.endsWith('+json')) json = Math.max(json, weight);
    if (type === 'text/html' || type === 'text/*') html = Math.max(html, weight);
  }
  return json > html;
}

function qualityOf(parameters: readonly string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  if (quality === undefined) return 1;
  const value = Number(quality.slice(2));
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
