// One stream of a client's connection, framed by us: what came of the request, what goes out of the response as far as the
// client's windows and its socket take it, and the end of both (RFC 9113 §5.1). Knows no policy.
import { errorCode, framePayloadBytesMax } from '../../../h2/codes.ts';
import type { BodyReader } from '../../../pipeline/exchange.ts';
import type { RawHeaders } from '../../../upstream/index.ts';
import type { ClientStream, OutgoingHead, StreamListener, TunnelStream } from '../client-stream.ts';
import { BodyInput, type BodyInputEvents } from './body-input.ts';
import type { ResponseBlocks } from './response-blocks.ts';
import type { FieldOctets, FramePlace, SessionOutput } from './session-output.ts';
import { StreamDuplex } from './stream-duplex.ts';

/** The connection, as its streams know it. */
export interface StreamHost {
  readonly output: SessionOutput;
  readonly blocks: ResponseBlocks;
  /** Octets that the connection's window still allows. */
  sendWindow: number;
  /** `pump` it when the connection takes more. */
  readonly waits: (stream: ServerStream) => void;
  readonly streamClosed: (stream: ServerStream) => void;
}

export interface ServerStreamInput {
  readonly id: number;
  readonly host: StreamHost;
  /** Octets of its own that the client takes at first. */
  readonly sendWindow: number;
  /** Null where the head ended the stream. */
  readonly body: { readonly windowBytes: number; readonly length: number | null } | null;
}

export class ServerStream implements ClientStream, BodyInputEvents {
  readonly id: number;
  sendWindow: number;
  isClosed = false;
  bytesOut = 0;
  isResponseBegun = false;
  readonly input: BodyInput | null;
  readonly #host: StreamHost;
  #listener: StreamListener | null = null;
  #duplex: StreamDuplex | null = null;
  readonly #place: FramePlace = { flushes: -1, flagsAt: 0 };
  /** What the client did not take yet, in order; of the first, so many octets are gone. */
  #held: Buffer[] = [];
  #heldFrom = 0;
  #isBehind = false;
  /** Given when the end was asked for while something was held. */
  #endTrailers: RawHeaders | null = null;
  #isLocalEnded = false;
  #stopsRequest = false;
  #code: number = errorCode.noError;

  constructor({ id, host, sendWindow, body }: ServerStreamInput) {
    this.id = id;
    this.#host = host;
    this.sendWindow = sendWindow;
    this.input = body === null ? null : new BodyInput({ ...body, events: this });
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  get bytesIn(): number {
    return this.input?.bytes ?? 0;
  }

  get isRequestEnded(): boolean {
    return this.input?.isEnded ?? true;
  }

  get isBeingRead(): boolean {
    return this.input?.isBeingRead ?? false;
  }

  get isClean(): boolean {
    return this.#isLocalEnded && this.#code === errorCode.noError;
  }

  readBody(reader: BodyReader): void {
    if (this.input === null) reader.end([]);
    else this.input.read(reader);
  }

  pauseBody(): void {
    this.input?.pause();
  }

  resumeBody(): void {
    this.input?.resume();
  }

  discardBody(): void {
    this.input?.discard();
  }

  received(bytes: number): void {
    this.#listener?.bodyReceived(bytes);
  }

  ended(): void {
    this.#listener?.bodyEnded();
  }

  credit(bytes: number): void {
    if (!this.isClosed) this.#host.output.windowUpdate(this.id, bytes);
  }

  informational(status: number, headers: RawHeaders): void {
    if (!this.isClosed && !this.isResponseBegun)
      this.#host.output.fields(this.id, this.#host.blocks.interim(status, headers), false);
  }

  begin(head: OutgoingHead): void {
    this.beginWith(this.#host.blocks.head(head));
  }

  beginWith(block: FieldOctets): void {
    if (this.isClosed) return;
    this.isResponseBegun = true;
    this.#host.output.fields(this.id, block, false);
    this.#host.output.notePlace(this.#place);
  }

  body(buffer: Buffer, start: number, end: number): void {
    if (this.isClosed || this.#isLocalEnded || end === start) return;
    this.bytesOut += end - start;
    const sent = this.#held.length === 0 ? this.#send(buffer, start, end) : start;
    if (sent === end) return;
    this.#held.push(Buffer.from(buffer.subarray(sent, end)));
    this.#waits();
  }

  /** All is written at the end of the turn in any case. */
  flush(): boolean {
    this.#isBehind = this.#held.length > 0 && !this.isClosed;
    return !this.#isBehind;
  }

  end(trailers: RawHeaders): void {
    if (this.isClosed || this.#isLocalEnded) return;
    if (this.#held.length > 0) this.#endTrailers = trailers;
    else this.#finish(trailers);
  }

  reset(): void {
    this.resetWith(errorCode.internalError);
  }

  cancel(): void {
    this.resetWith(errorCode.cancel);
  }

  /** RST_STREAM of ours. */
  resetWith(code: number): void {
    if (this.isClosed) return;
    this.#host.output.resetStream(this.id, code);
    this.close(code);
  }

  stopRequest(): void {
    if (this.isClosed || this.#hasAllCome) return;
    if (this.#isLocalEnded) this.resetWith(errorCode.noError);
    else this.#stopsRequest = true;
  }

  toDuplex(): TunnelStream {
    return (this.#duplex ??= new StreamDuplex(this, this.#host.blocks));
  }

  /** END_STREAM of the client. */
  endInput(trailers: RawHeaders): void {
    const code = this.input?.end(trailers) ?? errorCode.streamClosed;
    if (code !== errorCode.noError) this.resetWith(code);
    else if (this.#isLocalEnded && !this.isClosed) this.close(errorCode.noError);
  }

  /** The client takes more: what is held, as far as that goes. */
  pump(): void {
    if (this.isClosed) return;
    for (let piece = this.#held[0]; piece !== undefined; piece = this.#held[0]) {
      this.#heldFrom = this.#send(piece, this.#heldFrom, piece.length);
      if (this.#heldFrom < piece.length) {
        this.#waits();
        return;
      }
      this.#held.shift();
      this.#heldFrom = 0;
    }
    if (this.#endTrailers !== null) {
      this.#finish(this.#endTrailers);
    } else if (this.#isBehind) {
      this.#isBehind = false;
      this.#listener?.drained();
      this.#duplex?.drained();
    }
  }

  /** It is over, by whoever's doing. */
  close(code: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#code = code;
    this.#held = [];
    // A tunnel still reads what came before a proper end.
    if (!this.isClean) this.input?.discard();
    this.#host.streamClosed(this);
    this.#listener?.closed();
    this.#duplex?.over();
  }

  /** Without a window of its own it waits for nothing but that, and is no burden to the connection meanwhile. */
  #waits(): void {
    if (this.sendWindow > 0) this.#host.waits(this);
  }

  get #hasAllCome(): boolean {
    return this.input?.hasAllCome ?? true;
  }

  /** Sends what windows and socket allow; returns where it stopped. */
  #send(buffer: Buffer, start: number, end: number): number {
    const host = this.#host;
    const { output } = host;
    let at = start;
    while (at < end && !output.isBlocked) {
      const bytes = Math.min(end - at, framePayloadBytesMax, this.sendWindow, host.sendWindow);
      if (bytes <= 0) break;
      output.data(this.id, buffer, at, at + bytes);
      this.sendWindow -= bytes;
      host.sendWindow -= bytes;
      at += bytes;
    }
    if (at > start) output.notePlace(this.#place);
    return at;
  }

  #finish(trailers: RawHeaders): void {
    const { output, blocks } = this.#host;
    this.#isLocalEnded = true;
    if (trailers.length > 0) output.fields(this.id, blocks.trailers(trailers), true);
    else if (!output.endStreamAt(this.#place)) output.endOfData(this.id);
    if (this.#hasAllCome) this.close(errorCode.noError);
    else if (this.#stopsRequest) this.resetWith(errorCode.noError);
  }
}
