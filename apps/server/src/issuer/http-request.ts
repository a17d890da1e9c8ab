// One HTTP(S) request with a deadline and a limit on what is read. Redirects are the caller's. Knows no ACME, no DNS.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** A longer answer is cut off there; otherwise it is an error. */
  readonly cutOff?: boolean;
  readonly signal?: AbortSignal;
  /** PEM; in place of the system's roots. */
  readonly ca?: readonly string[];
  /** Any certificate will do: only to see whether somebody answers. */
  readonly anyCertificate?: boolean;
  readonly lookup?: LookupFunction;
  /** Connect there instead of the URL's port. */
  readonly port?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Rejects with Node's error (`ECONNREFUSED`…), or one that says what took too long or was too large. */
export function requestHttp(input: HttpRequest): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const url = new URL(input.url);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const call = send(
    url,
    {
      method: input.method ?? 'GET',
      headers: {
        'user-agent': 'tako-server',
        ...(input.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(input.body)) }),
        ...input.headers,
      },
      agent: false,
      ...(input.ca === undefined ? {} : { ca: [...input.ca] }),
      ...(input.anyCertificate === true ? { rejectUnauthorized: false } : {}),
      ...(input.lookup === undefined ? {} : { lookup: input.lookup }),
      ...(input.port === undefined ? {} : { port: input.port }),
    },
    (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (length: number): void => {
        const body = Buffer.concat(chunks).toString('utf8', 0, length);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
      };
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= input.bytesMax) return;
        // Said here: an answer that came at once would otherwise still end well.
        if (input.cutOff === true) settle(input.bytesMax);
        else reject(new Error(`the answer has more than ${input.bytesMax} bytes`));
      });
      answer.on('error', reject);
      answer.on('end', () => settle(bytes));
      answer.on('close', () => reject(new Error('the answer ended early')));
    },
  );
  // Over all of it: a socket's own time-out would only see silence.
  const timer = setTimeout(
    () => call.destroy(new Error(`no answer within ${input.timeoutMs / 1_000} s`)),
    input.timeoutMs,
  );
  const abort = (): void => void call.destroy(new Error('stopped'));
  input.signal?.addEventListener('abort', abort, { once: true });
  if (input.signal?.aborted === true) abort();
  call.on('error', reject);
  call.end(input.body);
  return promise.finally(() => {
    clearTimeout(timer);
    input.signal?.removeEventListener('abort', abort);
    call.destroy();
  });
}

export function headerOf(answer: HttpAnswer, name: string): string | null {
  const value = answer.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
