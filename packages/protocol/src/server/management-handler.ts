// The management API as one node:http request listener: tRPC under /trpc, artifact bytes under /artifacts. Checks what
// every request must have (protocol, caller, a free place) and answers every error in one shape. Opens no socket.
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import { TakoError } from '@tako/config';
import { protocolLimits, type ProtocolLimits } from '../limits.ts';
import type { ArtifactReceiver, ManagementService } from '../management-service.ts';
import { PROTOCOL_VERSION, headerNames } from '../protocol-version.ts';
import { answerError } from './answer.ts';
import { serveArtifact } from './artifact-route.ts';
import { createErrorDoor, type OnInternalError } from './error-door.ts';
import { unreadableRequest } from './invalid-input.ts';
import { callerOf, checkProtocol } from './request-head.ts';
import { createRouter } from './router.ts';
import { serveCall } from './trpc-route.ts';

export interface ManagementHandlerOptions {
  readonly service: ManagementService;
  readonly artifacts: ArtifactReceiver;
  /** Gets the cause of every INTERNAL error under the incident id that the client was told. Must not throw. */
  readonly onInternalError: OnInternalError;
  /** Aborted when the server stops: ends every call and upload. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<ProtocolLimits>;
}

export type ManagementHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * For `http.createServer(managementServerOptions, handler)`. No `requestTimeout`: Node's 300 s would cut a long upload;
 * the handler sets its own deadlines for bodies. Idle connections outlive the client's, so that the client closes first.
 */
export const managementServerOptions: Readonly<ServerOptions> = Object.freeze({
  requestTimeout: 0,
  headersTimeout: 10_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
});

export function createManagementHandler(options: ManagementHandlerOptions): ManagementHandler {
  const limits = { ...protocolLimits, ...options.limits };
  const toTakoError = createErrorDoor(options.onInternalError);
  const router = createRouter(options.service, { toTakoError, pingIntervalMs: limits.pingIntervalMs });
  const stopping = options.signal ?? new AbortController().signal;
  let inFlight = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkProtocol(request);
    if (inFlight > limits.callsInFlightMax) throw busy(limits.callsInFlightMax);
    const caller = callerOf(request, limits.callerCharsMax);
    const target = targetOf(request);
    switch (target.kind) {
      case 'call':
        return await serveCall(request, response, {
          procedure: target.name,
          caller,
          stopping,
          router,
          limits,
        });
      case 'artifact':
        return await serveArtifact(request, response, {
          sha256: target.name,
          context: { caller, signal: stopping },
          artifacts: options.artifacts,
          limits,
        });
      case 'unknown':
        throw unreadableRequest(`there is nothing at ${request.method} ${target.name}`);
    }
  }

  return function handle(request, response) {
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
    });
    // The socket may break at any moment; 'close' follows and is what ends the call.
    response.on('error', () => undefined);
    response.setHeader(headerNames.protocol, PROTOCOL_VERSION);
    serve(request, response).catch((thrown: unknown) => {
      const where = `${request.method} ${targetOf(request).name}`;
      const error = toTakoError(thrown, { where, aborted: response.destroyed });
      answerError(request, response, { error, lingerMs: limits.uploadLingerMs });
    });
  };
}

interface Target {
  readonly kind: 'call' | 'artifact' | 'unknown';
  readonly name: string;
}

function targetOf(request: IncomingMessage): Target {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const [, area, name] = /^\/(trpc|artifacts)\/([A-Za-z0-9_]{1,64})$/.exec(path) ?? [];
  if (name === undefined) return { kind: 'unknown', name: path.slice(0, 100) };
  return { kind: area === 'trpc' ? 'call' : 'artifact', name };
}

function busy(max: number): TakoError {
  return new TakoError('SERVER_BUSY', `the server already handles ${max} management calls at once`, {
    hint: 'Try again in a moment; end log followers that nobody reads.',
    details: { max },
  });
}
