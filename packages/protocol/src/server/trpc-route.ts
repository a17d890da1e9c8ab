// One procedure call: reads the body within its limits and hands it to tRPC. The client's leaving aborts the call.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import type { ProtocolLimits } from '../limits.ts';
import { linkAbort } from '../linked-abort.ts';
import type { CallContext } from '../management-service.ts';
import { unreadableRequest } from './invalid-input.ts';
import { readText } from './request-body.ts';
import type { ManagementRouter } from './router.ts';

export interface CallOptions {
  readonly procedure: string;
  readonly caller: string;
  readonly stopping: AbortSignal;
  readonly router: ManagementRouter;
  readonly limits: ProtocolLimits;
}

/** Queries may come by GET (small inputs, people with curl) or POST; mutations by POST only. */
export async function serveCall(
  request: IncomingMessage,
  response: ServerResponse,
  options: CallOptions,
): Promise<void> {
  const { procedure, caller, stopping, router, limits } = options;
  const body = request.method === 'GET' ? undefined : await readCallBody(request, limits);
  await nodeHTTPRequestHandler({
    req: Object.assign(request, { body }),
    res: response,
    path: procedure,
    router,
    // One call a request: a batch would share one connection's fate and back-pressure among its calls.
    maxBatchSize: 1,
    allowMethodOverride: true,
    createContext: ({ info }): CallContext => {
      const { signal, unlink } = linkAbort([info.signal, stopping]);
      response.once('close', unlink);
      return { caller, signal };
    },
  });
}

async function readCallBody(request: IncomingMessage, limits: ProtocolLimits): Promise<string> {
  if (request.method !== 'POST') throw unreadableRequest(`${request.method} is no way to call a procedure`);
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw unreadableRequest('a call has content-type application/json');
  return await readText(request, {
    bytesMax: limits.requestBytesMax,
    timeoutMs: limits.requestBodyTimeoutMs,
  });
}
