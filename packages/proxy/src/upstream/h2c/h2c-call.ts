// One request to an HTTP/2 app, on one stream or, where the app has not looked at that, on another one. Owns its
// deadlines and the rule by which it is sent again. Knows no session beyond what became of it.
import { constants } from 'node:http2';
import type { Deadline } from '../../timing/deadline-wheel.ts';
import type {
  RawHeaders,
  UpstreamCall,
  UpstreamFailureKind,
  UpstreamListener,
  UpstreamRequest,
} from '../upstream.types.ts';
import { BodyRecord } from './body-record.ts';
import { CallStream, type CallStreamEvents } from './call-stream.ts';
import { requestFields } from './request-fields.ts';
import { responseHeadOf } from './response-head.ts';
import type { SessionCandidate, SessionPool } from './session-pool.ts';
import type { SessionFailure, SessionServices } from './session.types.ts';
import type { UpstreamSession } from './session.ts';

/** The app says that what we said, or what it said, is not HTTP/2. */
const malformedCodes: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
]);

export interface H2cExchange {
  readonly request: UpstreamRequest;
  readonly listener: UpstreamListener;
}

export class H2cCall implements UpstreamCall, SessionCandidate, CallStreamEvents {
  readonly connectTimeoutMs: number;
  readonly #pool: SessionPool;
  readonly #services: SessionServices;
  readonly #request: UpstreamRequest;
  readonly #listener: UpstreamListener;
  readonly #fields: string[];
  readonly #deadline: Deadline;
  readonly #record: BodyRecord;
  #stream: CallStream | null = null;
  #idleTimeoutMs: number;
  #isReady = false;
  /** The lane was told to wait. */
  #isBlocked = false;
  #isPaused = false;
  #interims = 0;
  #responseBegun = false;
  #headSeen = false;
  #isReused = false;
  #refusals = 0;
  #replayed = false;
  #over = false;
  /** Given up by the lane: nothing is told any more. */
  #isSilent = false;

  constructor(pool: SessionPool, services: SessionServices, { request, listener }: H2cExchange) {
    const fields = requestFields(request);
    this.#pool = pool;
    this.#services = services;
    this.#request = request;
    this.#listener = listener;
    this.#fields = fields ?? [];
    this.#deadline = services.wheel.create(() => this.#expired());
    this.#record = new BodyRecord(request.body, services.limits.repeatableBodyBytesMax);
    this.#idleTimeoutMs = request.bodyIdleTimeoutMs;
    this.connectTimeoutMs = request.connectTimeoutMs;
    process.nextTick(() => {
      if (fields === null)
        this.#fail('malformed', new Error('the request cannot be written as an HTTP/2 head'));
      else this.#seekStream();
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#over || this.#record.end !== null || chunk.length === 0) return true;
    this.#record.wrote(chunk);
    if (this.#record.isTooLong) {
      this.#cut('the request body is longer than announced');
      return true;
    }
    // Between two streams the record is what is sent.
    const flowing = this.#stream?.write(chunk) ?? false;
    // A lane that was told to wait is told of the drain, whatever it wrote meanwhile.
    if (!flowing) this.#isBlocked = true;
    this.#moved();
    return !this.#isBlocked;
  }

  end(trailers: RawHeaders = []): void {
    if (this.#over || this.#record.end !== null) return;
    if (this.#record.isTooShort) {
      this.#cut('the request body is shorter than announced');
      return;
    }
    this.#record.ended(trailers);
    this.#stream?.end(trailers);
    this.#moved();
  }

  pause(): void {
    if (this.#over || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream?.pause();
    this.#moved();
  }

  resume(): void {
    if (this.#over || !this.#isPaused) return;
    this.#isPaused = false;
    this.#moved();
    this.#stream?.resume();
  }

  setIdleTimeout(milliseconds: number): void {
    this.#idleTimeoutMs = milliseconds;
    if (!this.#over) this.#moved();
  }

  abort(): void {
    this.#isSilent = true;
    if (!this.#over) this.#letGo();
  }

  sessionFound(session: UpstreamSession): void {
    const { body } = this.#request;
    this.#isReused = session.hasServed;
    try {
      const stream = session.begin([...this.#fields], {
        endStream: body.kind === 'none',
        waitForTrailers: body.kind === 'chunked',
      });
      this.#stream = new CallStream(session, stream, this);
    } catch (error) {
      this.#fail('malformed', error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#isPaused) this.#stream.pause();
    this.#moved();
    if (body.kind !== 'none') this.#sendBody(this.#stream);
  }

  sessionFailed({ kind, cause }: SessionFailure): void {
    this.#fail(kind, cause);
  }

  streamInterim(status: number, headers: RawHeaders): void {
    this.#begun();
    this.#interims += 1;
    // RFC 9113 §8.6: there is no 101 here.
    if (status === 101 || this.#interims > this.#services.limits.interimResponsesMax)
      this.#fail('malformed', new Error(`the app's response is malformed: interim response ${status}`));
    else this.#listener.informational(status, headers);
  }

  streamHead(status: number, raw: RawHeaders, endsStream: boolean): void {
    this.#begun();
    this.#headSeen = true;
    this.#moved();
    this.#listener.head(
      responseHeadOf({ status, raw, endsStream, isToHead: this.#request.method === 'HEAD' }),
    );
  }

  streamData(chunk: Buffer): void {
    this.#moved();
    this.#listener.data(chunk);
  }

  streamDrained(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#moved();
    this.#listener.drain();
  }

  streamEnded(trailers: RawHeaders): void {
    this.#over = true;
    this.#deadline.end();
    this.#listener.end(trailers);
  }

  streamBroken(code: number, cause: Error | undefined): void {
    const stream = this.#stream;
    this.#stream = null;
    if (stream !== null && this.#mayRepeat(stream, code)) {
      this.#seekStream();
      return;
    }
    const kind = malformedCodes.has(code) ? 'malformed' : 'reset';
    this.#fail(kind, cause ?? new Error(`the app's stream ended with code ${code}`));
  }

  #seekStream(): void {
    if (this.#over) return;
    this.#moved();
    this.#pool.enter(this);
  }

  /** RFC 9113 §8.7: what the app has not looked at is repeated whatever it is, as long as all of it is still here. */
  #mayRepeat(stream: CallStream, code: number): boolean {
    if (this.#responseBegun) return false;
    const { session } = stream;
    if (code === constants.NGHTTP2_REFUSED_STREAM || session.isUnprocessed(stream.id)) {
      if (this.#refusals >= this.#services.limits.refusedRepeatsMax) return false;
      this.#refusals += 1;
      return this.#record.chunks !== null;
    }
    // RFC 9110 §9.2.2: once, as on a kept HTTP/1.1 connection.
    if (this.#replayed || !session.isGone || !this.#isReused) return false;
    this.#replayed = true;
    return this.#request.replayable && this.#request.body.kind === 'none';
  }

  #sendBody(stream: CallStream): void {
    if (!this.#isReady) {
      this.#isReady = true;
      this.#listener.ready();
      return;
    }
    for (const chunk of this.#record.chunks ?? []) stream.write(chunk);
    if (this.#record.end !== null) stream.end(this.#record.end);
    this.streamDrained();
  }

  #begun(): void {
    this.#responseBegun = true;
    this.#record.drop();
  }

  #expired(): void {
    if (this.#stream === null) this.#fail('connectTimeout', undefined);
    else this.#fail(this.#isIdleTimed() ? 'idleTimeout' : 'headTimeout', undefined);
  }

  /** Timed is who has stopped: both sides of a body, or the app before its head. */
  #isIdleTimed(): boolean {
    return this.#headSeen || this.#isBlocked || this.#request.isConversation === true;
  }

  /** Something has happened: the deadline is that of what is due next. */
  #moved(): void {
    const timeoutMs = this.#timeoutMs();
    if (this.#over || timeoutMs === 0) this.#deadline.clear();
    else this.#deadline.set(this.#services.clock.now() + timeoutMs);
  }

  /** 0 = none: the client is behind, which is the lane's to watch. */
  #timeoutMs(): number {
    if (this.#stream === null) return this.connectTimeoutMs;
    if (this.#headSeen && this.#isPaused) return 0;
    if (this.#isIdleTimed()) return this.#idleTimeoutMs;
    return this.#record.end !== null ? this.#request.headTimeoutMs : 0;
  }

  #cut(reason: string): void {
    this.#letGo();
    // Not within the lane's own call.
    process.nextTick(() => this.#tell('malformed', new Error(reason)));
  }

  #fail(kind: UpstreamFailureKind, cause: Error | undefined): void {
    if (this.#over) return;
    this.#letGo();
    this.#tell(kind, cause);
  }

  #letGo(): void {
    this.#over = true;
    this.#deadline.end();
    this.#pool.leave(this);
    this.#stream?.cancel();
  }

  #tell(kind: UpstreamFailureKind, cause: Error | undefined): void {
    if (this.#isSilent) return;
    this.#listener.fail({ kind, headReceived: this.#headSeen, reusedConnection: this.#isReused, cause });
  }
}
