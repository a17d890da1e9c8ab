// From an IncomingMessage to a Request. The body streams with back-pressure: one chunk is read when one is wanted.
import { type IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** The peer sent something that is no request of the fetch standard: answered with this status. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface RequestOrigin {
  /** Behind Tako's proxy, which sets it itself: `X-Forwarded-Proto` tells the scheme the user sees. */
  readonly trustForwardedProto: boolean;
}

/** Throws RequestRefused when URL, method or headers are not of the fetch standard's form. */
export function toRequest(message: IncomingMessage, origin: RequestOrigin, signal: AbortSignal): Request {
  const method = message.method ?? 'GET';
  try {
    const url = new URL(urlOf(message, origin));
    const body = hasBody(message, method) ? bodyOf(message) : null;
    return new Request(url, {
      method,
      headers: headersOf(message),
      signal,
      ...(body === null ? {} : { body, duplex: 'half' }),
    });
  } catch (error) {
    throw new RequestRefused(
      method === 'TRACE' || method === 'CONNECT' ? 405 : 400,
      'not a request of the fetch standard',
      { cause: error },
    );
  }
}

/** Joined as text: as a relative reference, a target like `//other.example/` would replace the host. */
function urlOf(message: IncomingMessage, origin: RequestOrigin): string {
  const target = message.url ?? '/';
  if (/^https?:\/\//i.test(target)) return target;
  const host = message.headers.host ?? 'localhost';
  if (/[/?#@\\]/.test(host)) throw new TypeError('the Host header is no host');
  return `${schemeOf(message, origin)}://${host}${target.startsWith('/') ? target : `/${target}`}`;
}

function schemeOf(message: IncomingMessage, origin: RequestOrigin): 'http' | 'https' {
  const forwarded = message.headers['x-forwarded-proto'];
  if (origin.trustForwardedProto && (forwarded === 'https' || forwarded === 'http')) return forwarded;
  return message.socket instanceof TLSSocket ? 'https' : 'http';
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = message.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) headers.append(raw[index] ?? '', raw[index + 1] ?? '');
  return headers;
}

/** RFC 9112 §6.3: a request has a body only when it says its length or that it is chunked. */
function hasBody(message: IncomingMessage, method: string): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return (
    message.headers['transfer-encoding'] !== undefined || Number(message.headers['content-length'] ?? 0) > 0
  );
}

/**
 * Not `Readable.toWeb`: that destroys the message on cancel, and with it the connection the response is sent on.
 */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const iterator = message.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = (await iterator.next()) as IteratorResult<Uint8Array>;
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
