// One request of the header-list face: writes its head and frames its body, and turns what comes back into lists.
// Knows no pool and no connection.
import type { ResponseHead } from '../h1/response-head.ts';
import { writeFields, writeRequestHead } from './request-head.ts';
import type {
  RawHeaders,
  UpstreamBody,
  UpstreamCall,
  UpstreamFailure,
  UpstreamListener,
  UpstreamRequest,
  UpstreamTarget,
} from './upstream.types.ts';
import type { WireClient } from './wire-client.ts';
import type { WireCall, WireSink } from './wire.types.ts';

const lastChunk = '0\r\n';
const crlf = Buffer.from('\r\n', 'latin1');

interface ListExchange {
  readonly request: UpstreamRequest;
  readonly listener: UpstreamListener;
}

export class ListCall implements UpstreamCall, WireSink {
  readonly #listener: UpstreamListener;
  readonly #body: UpstreamBody;
  readonly #wire: WireCall | null;
  #remaining: number;
  #requestEnded = false;
  #headReceived = false;
  #over = false;

  constructor(client: WireClient, target: UpstreamTarget, { request, listener }: ListExchange) {
    this.#listener = listener;
    this.#body = request.body;
    this.#remaining = request.body.kind === 'sized' ? request.body.bytes : 0;
    const head = writeRequestHead(request);
    this.#wire =
      head === null
        ? null
        : client.send(
            target,
            {
              head,
              toHead: request.method === 'HEAD',
              hasBody: request.body.kind !== 'none',
              replayable: request.replayable,
              connectTimeoutMs: request.connectTimeoutMs,
              headTimeoutMs: request.headTimeoutMs,
              bodyIdleTimeoutMs: request.bodyIdleTimeoutMs,
            },
            this,
          );
    if (head === null)
      process.nextTick(() => this.#refuse('the request cannot be written as an HTTP/1.1 head'));
  }

  write(chunk: Buffer): boolean {
    if (this.#over || this.#requestEnded || this.#wire === null || chunk.length === 0) return true;
    if (this.#body.kind === 'chunked') return this.#wire.write(frameChunk(chunk));
    if (chunk.length > this.#remaining) {
      // Bytes past the announced length would be read as the next request: cut instead.
      this.#cut('the request body is longer than announced');
      return true;
    }
    this.#remaining -= chunk.length;
    return this.#wire.write(chunk);
  }

  end(trailers: RawHeaders = []): void {
    if (this.#over || this.#requestEnded || this.#wire === null) return;
    this.#requestEnded = true;
    if (this.#body.kind === 'chunked') {
      this.#wire.write(Buffer.from(`${lastChunk}${writeFields(trailers) ?? ''}\r\n`, 'latin1'));
    } else if (this.#remaining > 0) {
      this.#cut('the request body is shorter than announced');
      return;
    }
    this.#wire.end();
  }

  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  setIdleTimeout(milliseconds: number): void {
    this.#wire?.setIdleTimeout(milliseconds);
  }

  abort(): void {
    this.#over = true;
    this.#wire?.abort();
  }

  wireReady(): void {
    this.#listener.ready();
  }

  wireInterim(head: ResponseHead, buffer: Buffer): void {
    this.#listener.informational(head.status, head.fields.toRawHeaders(buffer));
  }

  wireHead(head: ResponseHead, buffer: Buffer): void {
    this.#headReceived = true;
    this.#listener.head({
      status: head.status,
      statusMessage: head.reasonPhrase(buffer),
      headers: head.fields.toRawHeaders(buffer),
      body: bodyOf(head),
      field: (name) => head.fields.find(buffer, name),
    });
  }

  wireBody(buffer: Buffer, start: number, end: number): void {
    this.#listener.data(buffer.subarray(start, end));
  }

  wirePause(): void {
    // Each event was passed on at once: nothing is gathered.
  }

  wireEnded(trailers: RawHeaders): void {
    this.#over = true;
    this.#listener.end(trailers);
  }

  wireFailed(failure: UpstreamFailure): void {
    this.#over = true;
    this.#listener.fail(failure);
  }

  wireDrained(): void {
    this.#listener.drain();
  }

  #cut(reason: string): void {
    this.#wire?.abort();
    process.nextTick(() => this.#refuse(reason));
  }

  #refuse(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.fail({
      kind: 'malformed',
      headReceived: this.#headReceived,
      reusedConnection: false,
      cause: new Error(reason),
    });
  }
}

function bodyOf(head: ResponseHead): UpstreamBody {
  if (head.bodyKind === 'none') return { kind: 'none' };
  return head.bodyKind === 'sized' ? { kind: 'sized', bytes: head.contentLength } : { kind: 'chunked' };
}

function frameChunk(chunk: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1'), chunk, crlf]);
}
