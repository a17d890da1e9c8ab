// HTTP over one Unix socket: kept-alive connections, the protocol headers, aborts that close the connection. node:http
// and no fetch library: it loads in a third of the time and says when a reused connection was dead (decision 0010).
// Knows no procedure.
import http from 'node:http';
import type { Readable } from 'node:stream';
import { clientLimits } from '../limits.ts';
import { PROTOCOL_VERSION, headerNames } from '../protocol-version.ts';
import { parseProtocol, protocolMismatch } from '../wire/protocol-mismatch.ts';
import { connectionError, notTako } from './connection-error.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** A stream is piped with back-pressure; it is destroyed when the answer comes first. */
  readonly body?: string | Readable;
  /** Closes the connection, also while the answer's body is read. */
  readonly signal: AbortSignal;
  /** May be sent a second time when a kept-alive connection turns out to be dead. */
  readonly repeatable: boolean;
}

export interface Transport {
  readonly socketPath: string;
  /** Resolves with the answer's head. Errors: SERVER_UNREACHABLE, CONNECTION_LOST, the signal's reason. */
  request(request: TransportRequest): Promise<http.IncomingMessage>;
  close(): void;
}

export interface TransportOptions {
  readonly socketPath: string;
  readonly caller: string;
}

/** Else the agent looks whether `host` is an address, with an expression that takes 10 ms to compile. */
const noServerName = { servername: '' };

export function createTransport({ socketPath, caller }: TransportOptions): Transport {
  const agent = new http.Agent({
    keepAlive: true,
    maxFreeSockets: clientLimits.idleConnectionsMax,
    timeout: clientLimits.idleConnectionTimeoutMs,
  });
  const common = {
    host: 'tako',
    [headerNames.protocol]: PROTOCOL_VERSION,
    [headerNames.caller]: encodeURIComponent(caller.toWellFormed()),
  };

  async function request(options: TransportRequest): Promise<http.IncomingMessage> {
    const { method, path, headers, signal } = options;
    for (let attempt = 1; ; attempt += 1) {
      // What may not be sent twice never meets a kept connection that has just died: a server that is reloaded closes them.
      const connection = options.repeatable ? agent : false;
      const sent = http.request({
        socketPath,
        agent: connection,
        method,
        path,
        headers: { ...common, ...headers },
        ...noServerName,
      });
      try {
        const answer = await exchange(sent, options);
        const server = parseProtocol(answer.headers[headerNames.protocol]);
        if (server === PROTOCOL_VERSION) return answer;
        answer.destroy();
        throw server === null ? notTako(socketPath) : protocolMismatch({ client: PROTOCOL_VERSION, server });
      } catch (cause) {
        signal.throwIfAborted();
        if (attempt === 1 && options.repeatable && sent.reusedSocket && isDead(cause)) continue;
        throw connectionError(cause, socketPath);
      }
    }
  }

  return { socketPath, request, close: () => agent.destroy() };
}

/** Sends one request and waits for the head of its answer. The signal stays in force until the answer has ended. */
function exchange(
  sent: http.ClientRequest,
  { body, signal }: TransportRequest,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      sent.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    sent.once('close', () => signal.removeEventListener('abort', onAbort));
    sent.on('error', reject);
    sent.once('response', (answer) => {
      if (typeof body === 'object' && !body.readableEnded) {
        // Answered in mid-body: the connection is of no further use once the answer is read.
        body.unpipe(sent).destroy();
        answer.once('end', () => sent.destroy());
      }
      resolve(answer);
    });
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort);
    if (typeof body === 'object') {
      body.once('error', (cause) => sent.destroy(cause));
      sent.once('close', () => body.destroy());
      body.pipe(sent);
    } else {
      sent.end(body);
    }
  });
}

function isDead(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
}
