// A WebSocket over one HTTP/2 stream (RFC 8441), joined to an upgraded HTTP/1.1 connection of the app. Makes the
// upgrade itself: the key is ours, since the client sent none.
import { randomBytes, createHash } from 'node:crypto';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { applyEdits } from '../../headers/header-edits.ts';
import type { Tunnel, TunnelFailureKind, TunnelListener, TunnelRequest } from '../../pipeline/exchange.ts';
import type { RawHeaders } from '../../upstream/index.ts';
import type { LaneDeps } from '../general/lane-deps.ts';
import { WebSocketRelay } from '../general/websocket-relay.ts';
import type { TunnelStream } from './client-stream.ts';
import { isFinalStatus, responseFields } from './field-lists.ts';

export interface StreamTunnelInput {
  readonly stream: TunnelStream;
  readonly target: string;
  /** The head for the app, edits applied. */
  readonly headers: RawHeaders;
  readonly request: TunnelRequest;
  readonly listener: TunnelListener;
  readonly deps: LaneDeps;
  readonly clientBytes: (bytes: number) => void;
  readonly upstreamBytes: (bytes: number) => void;
}

/** RFC 6455 §1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Meaningful between two ends of an HTTP/1.1 connection only (RFC 8441 §5): not the client's to say or to hear. */
const keyFields: ReadonlySet<string> = new Set(['sec-websocket-key', 'sec-websocket-accept']);

export class StreamTunnel implements Tunnel {
  readonly #input: StreamTunnelInput;
  readonly #key = randomBytes(16).toString('base64');
  readonly #upstream: Socket;
  #relay: WebSocketRelay | null = null;
  #answered = false;
  #over = false;
  #cancelTimer: () => void;

  constructor(input: StreamTunnelInput) {
    this.#input = input;
    const { target, connectTimeoutMs } = input.request;
    const upstream = connect({ host: target.host, port: target.port, noDelay: true });
    this.#upstream = upstream;
    this.#cancelTimer = input.deps.clock.after(connectTimeoutMs, () => {
      this.#fail('connectTimeout', new Error(`No connection to ${target.host}:${target.port} in time`));
    });
    const refused = (error: Error): void => this.#fail('refused', error);
    upstream.once('error', refused);
    upstream.once('connect', () => {
      upstream.off('error', refused);
      this.#cancelTimer();
      if (!this.#over) this.#upgrade();
    });
  }

  endPolitely(): void {
    if (this.#relay === null) this.cut();
    else this.#relay.endPolitely();
  }

  cut(): void {
    if (this.#over && this.#relay === null) return;
    this.#over = true;
    this.#cancelTimer();
    this.#upstream.destroy();
    if (this.#answered) this.#cutClient();
  }

  #upgrade(): void {
    const { target, headers, request, deps } = this.#input;
    const outgoing = httpRequest({
      createConnection: () => this.#upstream,
      path: target,
      headers: applyEdits(headers, {
        drop: keyFields,
        add: ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', this.#key],
      }),
    });
    outgoing.once('upgrade', (answer, socket, early) => this.#accepted(answer, socket, early));
    outgoing.once('response', (answer) => this.#declined(outgoing, answer));
    outgoing.on('error', (error) => this.#fail('reset', error));
    this.#cancelTimer = deps.clock.after(request.headTimeoutMs, () => {
      this.#fail('headTimeout', new Error('No answer to the upgrade in time'));
      outgoing.destroy();
    });
    outgoing.end();
  }

  #accepted(answer: IncomingMessage, upstream: Socket, early: Buffer): void {
    const { stream, request, deps, listener } = this.#input;
    this.#cancelTimer();
    if (this.#over || stream.isOver()) {
      upstream.destroy();
      return;
    }
    if (answer.headers['sec-websocket-accept'] !== acceptOf(this.#key)) {
      this.#fail('reset', new Error('The upgrade was accepted with a wrong key'));
      return;
    }
    this.#answered = true;
    stream.answer(this.#fieldsOf(answer, 200));
    listener.answered(200);
    if (early.length > 0) upstream.unshift(early);
    this.#relay = new WebSocketRelay({
      client: stream,
      upstream,
      clock: deps.clock,
      wheel: deps.wheel,
      reads: deps.reads,
      idleTimeoutMs: request.idleTimeoutMs,
      politeEndMs: deps.limits.politeEndMs,
      clientBytes: this.#input.clientBytes,
      upstreamBytes: this.#input.upstreamBytes,
      cutClient: () => this.#cutClient(),
    });
    upstream.on('error', ignore);
    upstream.once('close', () => {
      // RFC 8441 §5: what was a reset there is one here.
      if (upstream.readableEnded) this.#endClient();
      else this.#cutClient();
    });
    stream.once('close', () => {
      if (!stream.isClean() || !stream.readableEnded) upstream.destroy();
    });
  }

  /** The app said something else than 101: its answer is passed on as any response. */
  #declined(outgoing: ClientRequest, answer: IncomingMessage): void {
    const { stream, listener } = this.#input;
    const status = answer.statusCode ?? 0;
    this.#cancelTimer();
    if (this.#over || stream.isOver()) {
      outgoing.destroy();
      return;
    }
    if (!isFinalStatus(status)) {
      this.#fail('reset', new Error(`status ${status} cannot be sent over HTTP/2`));
      return;
    }
    this.#answered = true;
    stream.answer(this.#fieldsOf(answer, status));
    listener.answered(status);
    this.#watchAnswer(answer);
    answer.on('error', () => this.#cutClient());
    answer.pipe(stream);
    // RFC 9113 §8.1: answered whole; what the client meant for the tunnel is not wanted.
    answer.once('end', () => stream.finish());
    stream.once('close', () => outgoing.destroy());
  }

  /** It is a response like any other: a client that takes nothing of it for so long gets no more. */
  #watchAnswer(answer: IncomingMessage): void {
    const { stream, deps } = this.#input;
    const idle = deps.wheel.create(() => this.#cutClient());
    const moved = (): void => idle.set(deps.clock.now() + deps.limits.bodyIdleTimeoutMs);
    moved();
    answer.on('data', moved);
    stream.once('close', () => idle.end());
  }

  #fieldsOf(answer: IncomingMessage, status: number): string[] {
    const edits = this.#input.request.responseEdits(answer.rawHeaders);
    const drop = new Set([...edits.drop, ...keyFields]);
    return responseFields(status, answer.rawHeaders, { ...edits, drop });
  }

  /** Everything of the app goes out; what the client still sends has nowhere to go. */
  #endClient(): void {
    const { stream } = this.#input;
    stream.end();
    stream.finish();
  }

  #cutClient(): void {
    this.#input.stream.cancel();
  }

  #fail(kind: TunnelFailureKind, error: Error): void {
    if (this.#over || this.#answered) return;
    this.#over = true;
    this.#cancelTimer();
    this.#upstream.destroy();
    this.#input.listener.failed(kind, error);
  }
}

const acceptOf = (key: string): string => createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64');

function ignore(): void {
  // Its 'close' is what counts.
}
