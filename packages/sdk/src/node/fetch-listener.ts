// One exchange: request in, handler, response out; errors become a 500 that tells the client nothing.
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type FetchApp } from '../app.ts';
import { describeReason } from '../lifecycle.ts';
import { LINGER_MS } from '../limits.ts';
import { RequestRefused, type RequestOrigin, toRequest } from './request.ts';
import { sendResponse } from './response.ts';

export function createFetchListener(
  app: FetchApp,
  options: ListenerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void exchange(app, options, { request, response });
  };
}

export interface ListenerOptions extends RequestOrigin {
  /** How long the unread rest of a body is read and dropped. Default: LINGER_MS. */
  readonly lingerMs?: number;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Never rejects. */
async function exchange(
  app: FetchApp,
  options: ListenerOptions,
  { request, response }: Exchange,
): Promise<void> {
  const aborted = new AbortController();
  response.once('close', () => {
    if (response.writableFinished) dropUnreadBody(request, options.lingerMs ?? LINGER_MS);
    else aborted.abort(new Error('the client has gone'));
  });
  try {
    const answer: unknown = await app.fetch(toRequest(request, options, aborted.signal));
    if (!isResponse(answer)) throw new TypeError('the handler returned no Response');
    await sendResponse(answer, response);
  } catch (error) {
    refuse(error, { request, response }, aborted.signal);
  }
}

/** An own class of Response (a polyfill, another realm) is as good. */
function isResponse(value: unknown): value is Response {
  return (
    typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value
  );
}

function refuse(error: unknown, { request, response }: Exchange, aborted: AbortSignal): void {
  if (error instanceof RequestRefused) return answerPlainly(response, error.status);
  // What an abandoned handler throws is the echo of its own abort.
  if (aborted.aborted) return;
  const path = request.url?.split('?', 1)[0] ?? '/';
  process.stderr.write(`tako: ${request.method ?? 'GET'} ${path} failed: ${describeReason(error)}\n`);
  if (response.headersSent) response.destroy();
  else answerPlainly(response, 500);
}

function answerPlainly(response: ServerResponse, status: number): void {
  // What the handler had said before it failed; a drain's `Connection: close` stays.
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name);
  const text =
    status === 500 ? 'Internal Server Error' : status === 405 ? 'Method Not Allowed' : 'Bad Request';
  response.writeHead(status, text, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': text.length + 1,
  });
  response.end(`${text}\n`);
}

/** node:http drops an unread body by itself only when nothing of it was read; half a body would block the connection. */
function dropUnreadBody(request: IncomingMessage, lingerMs: number): void {
  if (request.readableEnded || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), lingerMs);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
