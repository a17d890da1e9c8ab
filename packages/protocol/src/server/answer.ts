// Writes answers that are no tRPC stream: JSON, and errors in the shape that tRPC's client understands too.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TakoError } from '@tako/config';
import { serialize } from 'superjson';
import { headerNames } from '../protocol-version.ts';
import { toHeaderError } from '../wire/error-wire.ts';
import { httpStatusOf } from './http-status.ts';
import { errorShape } from './router-base.ts';

export function answerJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

export interface ErrorAnswer {
  readonly error: TakoError;
  readonly lingerMs: number;
}

/**
 * Also answers before the request's body was read: what the client still sends is then read and dropped for
 * `lingerMs`, since closing a socket with unread bytes would reset it and lose the answer.
 */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  { error, lingerMs }: ErrorAnswer,
): void {
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = httpStatusOf(error.code);
  if (request.method === 'HEAD') {
    response.writeHead(status, { [headerNames.error]: toHeaderError(error) });
    response.end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: serialize(errorShape(error)) }));
  if (!request.complete) dropRest(request, lingerMs);
}

function dropRest(request: IncomingMessage, lingerMs: number): void {
  const timer = setTimeout(() => request.destroy(), lingerMs);
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.on('error', () => undefined);
  request.resume();
}
