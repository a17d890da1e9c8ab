// A stream of Node's HTTP/2 as a `ClientStream`.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { cancelStream } from '../../../h2/stream-endings.ts';
import type { BodyReader } from '../../../pipeline/exchange.ts';
import type { RawHeaders } from '../../../upstream/index.ts';
import type { ClientStream, OutgoingHead, StreamListener, TunnelStream } from '../client-stream.ts';
import { responseFields } from '../field-lists.ts';
import { RequestStream } from './request-stream.ts';
import { ResponseStream } from './response-stream.ts';

export class NodeStream implements ClientStream {
  readonly #stream: ServerHttp2Stream;
  readonly #request: RequestStream;
  readonly #response: ResponseStream;
  #listener: StreamListener | null = null;
  #tunnel: TunnelStream | null = null;

  constructor(stream: ServerHttp2Stream, endsWithHead: boolean) {
    this.#stream = stream;
    this.#request = new RequestStream(stream, endsWithHead);
    this.#response = new ResponseStream(stream);
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
    this.#stream.once('close', () => {
      this.#request.discard();
      listener.closed();
    });
  }

  get bytesIn(): number {
    return this.#request.bytes;
  }

  get isRequestEnded(): boolean {
    return this.#request.isEnded;
  }

  get isBeingRead(): boolean {
    return this.#request.isBeingRead;
  }

  readBody(reader: BodyReader): void {
    this.#request.read(reader, {
      received: (bytes) => this.#listener?.bodyReceived(bytes),
      ended: () => this.#listener?.bodyEnded(),
    });
  }

  pauseBody(): void {
    this.#request.pause();
  }

  resumeBody(): void {
    this.#request.resume();
  }

  discardBody(): void {
    this.#request.discard();
  }

  get bytesOut(): number {
    return this.#response.bodyBytes;
  }

  get isResponseBegun(): boolean {
    return this.#response.isBegun;
  }

  informational(status: number, headers: RawHeaders): void {
    this.#response.informational(status, headers);
  }

  begin({ status, head, edits, mayHaveTrailers }: OutgoingHead): void {
    this.#response.begin(responseFields(status, head.headers, edits), mayHaveTrailers);
  }

  body(buffer: Buffer, start: number, end: number): void {
    // The buffer is read into again; nghttp2 sends the bytes when the client's windows let it.
    this.#response.body(Buffer.from(buffer.subarray(start, end)));
  }

  flush(): boolean {
    this.#response.flush();
    if (!this.#response.isBlocked) return true;
    this.#stream.once('drain', () => this.#listener?.drained());
    return false;
  }

  end(trailers: RawHeaders): void {
    this.#response.end(trailers);
  }

  reset(): void {
    this.#response.reset();
  }

  cancel(): void {
    cancelStream(this.#stream);
  }

  stopRequest(): void {
    this.#stream.once('finish', () => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  get isClean(): boolean {
    return this.#stream.rstCode === constants.NGHTTP2_NO_ERROR;
  }

  toDuplex(): TunnelStream {
    return (this.#tunnel ??= asTunnel(this.#stream));
  }
}

/** The stream itself, with what a tunnel wants of it besides. */
function asTunnel(stream: ServerHttp2Stream): TunnelStream {
  const close = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
  return Object.assign(stream, {
    isOver: () => stream.destroyed || stream.closed,
    isClean: () => stream.rstCode === constants.NGHTTP2_NO_ERROR,
    answer: (fields: string[]) => stream.respond(fields),
    finish: () => {
      if (stream.writableFinished) close();
      else stream.once('finish', close);
    },
    cancel: () => cancelStream(stream),
  });
}
