// One HTTP/2 connection to an instance: when it stands, how many streams it takes, what GOAWAY said, and when it ends.
// Knows no request, and not which stream is whose.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Deadline } from '../../timing/deadline-wheel.ts';
import type { UpstreamLimits } from '../limits.ts';
import type { UpstreamFailureKind, UpstreamTarget } from '../upstream.types.ts';
import type { SessionOwner, SessionServices } from './session.types.ts';

/** `leaving`: no new stream any more, those under way may end. */
type SessionState = 'connecting' | 'open' | 'leaving' | 'closed';

/** What an app may send ahead on all streams together; Node gives it back as it comes in, paused streams or not. */
const connectionWindowBytes = 1024 * 1024;
/** An app that does not end its side when we have left is not waited for. */
const leaveMs = 1_000;
/** Room for every stream to hold a window each way (128 × 2 × 128 KiB). */
const sessionMegabytesMax = 48;

export class UpstreamSession {
  /** A response came on it: it was good once. */
  hasServed = false;
  readonly #services: SessionServices;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #deadline: Deadline;
  #state: SessionState = 'connecting';
  #streams = 0;
  #begun = 0;
  #streamsMax = 0;
  #goawayLastId = Infinity;
  #error: Error | undefined;
  #heardAt = 0;
  #isPinged = false;
  #hasTimedOut = false;

  constructor(
    target: UpstreamTarget,
    services: SessionServices,
    { owner, connectTimeoutMs }: { readonly owner: SessionOwner; readonly connectTimeoutMs: number },
  ) {
    const { clock, wheel, limits } = services;
    this.#services = services;
    this.#owner = owner;
    this.#deadline = wheel.create(() => this.#look());
    this.#deadline.set(clock.now() + connectTimeoutMs);
    this.#socket = connectSocket({ host: target.host, port: target.port, noDelay: true });
    this.#session = connect('http://tako', {
      ...sessionOptions(limits),
      createConnection: () => this.#socket,
    });
    this.#session.on('error', (error) => (this.#error ??= error));
    this.#session.once('connect', () => this.#session.setLocalWindowSize(connectionWindowBytes));
    this.#session.on('remoteSettings', (settings) => this.#settled(settings.maxConcurrentStreams));
    this.#session.on('goaway', (_code, lastStreamId) => this.#goneAway(lastStreamId));
    this.#session.once('close', () => this.#closed());
  }

  get isConnecting(): boolean {
    return this.#state === 'connecting';
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  get hasRoom(): boolean {
    return this.#state === 'open' && this.#streams < this.#streamsMax && !this.isGone;
  }

  /** The app wants no stream at all for now: another connection would be no better. */
  get isShut(): boolean {
    return this.#state === 'open' && this.#streamsMax === 0;
  }

  /** The connection is lost, whoever lost it; streams learn of it one by one. */
  get isGone(): boolean {
    return this.#session.destroyed || this.#socket.destroyed;
  }

  /** RFC 9113 §6.8: a stream above the last one that the app names was not looked at. */
  isUnprocessed(streamId: number | undefined): boolean {
    return streamId === undefined || streamId > this.#goawayLastId;
  }

  /** Throws where Node does not take a field. The caller tells of the stream's end by `ended`. */
  begin(
    fields: string[],
    options: { readonly endStream: boolean; readonly waitForTrailers: boolean },
  ): ClientHttp2Stream {
    const stream = this.#session.request(fields, options);
    if (this.#streams === 0) this.#watchSilence();
    this.#streams += 1;
    this.#begun += 1;
    if (this.#begun >= this.#services.limits.sessionRequestsMax) this.leave();
    return stream;
  }

  ended(): void {
    this.#streams -= 1;
    if (this.#streams === 0) {
      this.#isPinged = false;
      if (this.#state === 'leaving') this.#sayGoodbye();
      else this.#deadline.set(this.#services.clock.now() + this.#services.limits.sessionIdleMs);
    }
    this.#owner.sessionChanged(this);
  }

  /** The app has sent something. */
  heard(): void {
    this.#heardAt = this.#services.clock.now();
    this.#isPinged = false;
  }

  /** No further stream, and GOAWAY after the last one: before it nghttp2 would drop a request that it has not sent yet. */
  leave(): void {
    if (this.#state === 'leaving' || this.#state === 'closed') return;
    this.#state = 'leaving';
    if (this.#streams === 0) this.#sayGoodbye();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  #sayGoodbye(): void {
    this.#session.close();
    this.#deadline.set(this.#services.clock.now() + leaveMs);
  }

  /** RFC 9113 §3.4: SETTINGS come first, so whoever sends them speaks HTTP/2. */
  #settled(streamsMax: number | undefined): void {
    const { clock, limits } = this.#services;
    this.#streamsMax = Math.min(streamsMax ?? Infinity, limits.sessionStreamsMax);
    if (this.#state === 'connecting') {
      this.#state = 'open';
      this.#deadline.set(clock.now() + limits.sessionIdleMs);
    }
    this.#owner.sessionChanged(this);
  }

  #goneAway(lastStreamId: number | undefined): void {
    this.#goawayLastId = Math.min(this.#goawayLastId, lastStreamId ?? Infinity);
    // Node closes it, or cuts it where the code says that something was wrong.
    this.#state = 'leaving';
    this.#owner.sessionChanged(this);
  }

  #watchSilence(): void {
    this.heard();
    this.#deadline.set(this.#heardAt + this.#services.limits.pingAfterMs);
  }

  #look(): void {
    if (this.#state === 'connecting') {
      this.#hasTimedOut = true;
      this.destroy();
    } else if (this.#streams > 0) {
      this.#lookForSilence();
    } else if (this.#state === 'open') {
      this.leave();
    } else {
      this.destroy();
    }
  }

  #lookForSilence(): void {
    const { clock, limits } = this.#services;
    const dueAt = this.#heardAt + limits.pingAfterMs;
    if (this.#isPinged) {
      this.#error = new Error('the app did not answer a PING');
      this.destroy();
    } else if (clock.now() < dueAt) {
      this.#deadline.set(dueAt);
    } else {
      this.#isPinged = true;
      this.#session.ping((error) => {
        if (error !== null || this.isGone) return;
        this.heard();
        if (this.#streams > 0) this.#deadline.set(this.#heardAt + limits.pingAfterMs);
      });
      this.#deadline.set(clock.now() + limits.pingTimeoutMs);
    }
  }

  #closed(): void {
    const wasConnecting = this.#state === 'connecting';
    this.#state = 'closed';
    this.#deadline.end();
    this.#socket.destroy();
    this.#owner.sessionClosed(this, wasConnecting ? { kind: this.#failureKind(), cause: this.#error } : null);
  }

  #failureKind(): UpstreamFailureKind {
    if (this.#hasTimedOut) return 'connectTimeout';
    // An app that speaks something else has answered with something else.
    return isProtocolError(this.#error) ? 'malformed' : 'refused';
  }
}

const isProtocolError = (error: Error | undefined): boolean =>
  error !== undefined &&
  'code' in error &&
  (error.code === 'ERR_HTTP2_ERROR' || error.code === 'ERR_HTTP2_SESSION_ERROR');

/** Node's types do not know all of them. */
function sessionOptions(limits: UpstreamLimits): object {
  return {
    settings: {
      enablePush: false,
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: limits.responseHeadBytesMax,
    },
    maxHeaderListPairs: limits.responseFieldsMax,
    maxSessionMemory: sessionMegabytesMax,
    // What a client repeats is passed on as it is: not ours to refuse.
    strictSingleValueFields: false,
  };
}
