// Carries one request to an instance and the response back: back-pressure both ways, another instance when no byte
// was sent, and one end for every way it can go. Knows no sockets: a lane on one side, the upstream client on the
// other.
import { InstanceSearch, type SearchEvents } from '../balancing/instance-search.ts';
import { affinityCookie, affinityToken } from '../balancing/affinity-cookie.ts';
import { requestEdits, responseEdits } from '../headers/forwarding-edits.ts';
import { applyEdits, fieldValue, type HeaderEdits } from '../headers/header-edits.ts';
import { interimFieldsDropped, trailerFieldsDropped, withNamedFields } from '../headers/hop-by-hop.ts';
import type { Carrier, RequestScope } from '../pipeline/request-scope.ts';
import type { FailureKind } from '../replies/failure.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Instance } from '../serving/instance.ts';
import type {
  RawHeaders,
  UpstreamCall,
  UpstreamFailure,
  UpstreamListener,
  UpstreamResponseHead,
} from '../upstream/upstream.types.ts';
import { kindOfUpstreamFailure, noteFailure } from './upstream-failure.ts';

/** RFC 9110 §9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** What gRPC clients wait for in trailers: `UNAVAILABLE`, which may be tried again. */
const grpcEnd: RawHeaders = ['grpc-status', '14', 'grpc-message', 'the server ends this stream'];
const grpcType = /^application\/grpc/i;
/** No end of their own: only the route's idle limit applies, and a drain ends them properly. */
const endlessType = /^(?:text\/event-stream|application\/grpc)/i;
const trailerEdits: HeaderEdits = { drop: trailerFieldsDropped, add: [] };

/** Listener and search events are its own methods: nothing is made per request beyond the object itself. */
export class Forwarding implements Carrier, UpstreamListener, SearchEvents {
  readonly #scope: RequestScope;
  readonly #deployment: Deployment;
  readonly #search: InstanceSearch;
  #instance: Instance | null = null;
  #call: UpstreamCall | null = null;
  #attempts = 0;
  #bodyBytes = 0;
  #bodyStarted = false;
  #isStream = false;
  #isGrpc = false;
  #over = false;
  #dialledAt = 0;

  constructor(scope: RequestScope) {
    if (scope.deployment === null) throw new Error('No deployment to forward to');
    this.#scope = scope;
    this.#deployment = scope.deployment;
    this.#search = new InstanceSearch(scope, scope.deployment, this);
  }

  start(): void {
    this.#search.start();
  }

  found(instance: Instance): void {
    const { exchange, services, origin, requestId, guard } = this.#scope;
    this.#attempts += 1;
    this.#instance = instance;
    this.#scope.instance = instance;
    this.#dialledAt = services.clock.now();
    guard?.hold(instance, this.#scope);
    const edits = requestEdits({
      exchange,
      origin,
      requestId,
      serverName: services.via.name,
      upstreamProtocol: instance.protocol,
    });
    const { limits } = services;
    // A gRPC call has a deadline of its own, and the app may say nothing before its first message (spec 50).
    const isConversation =
      instance.protocol === 'h2c' && grpcType.test(exchange.header('content-type') ?? '');
    this.#call = exchange.forward({
      upstream: services.upstream,
      target: instance,
      edits,
      replayable: exchange.body.kind === 'none' && idempotentMethods.has(exchange.method),
      connectTimeoutMs: limits.connectTimeoutMs,
      headTimeoutMs: limits.responseHeadTimeoutMs,
      bodyIdleTimeoutMs: isConversation ? this.#deployment.policy.streamIdleMs : limits.bodyIdleTimeoutMs,
      isConversation,
      listener: this,
    });
  }

  failed(kind: FailureKind, cause: string | null): void {
    this.#fail(kind, cause);
  }

  ready(): void {
    this.#startBody();
  }

  data(chunk: Buffer): void {
    if (!this.#over && !this.#scope.exchange.write(chunk)) this.#call?.pause();
  }

  drain(): void {
    this.#scope.exchange.resumeBody();
  }

  #startBody(): void {
    if (this.#over || this.#bodyStarted) return;
    this.#bodyStarted = true;
    this.#scope.exchange.readBody({
      data: (chunk) => this.#sendBody(chunk),
      end: (trailers) => {
        if (!this.#over) this.#call?.end(applyEdits(trailers, trailerEdits));
      },
    });
  }

  informational(status: number, headers: RawHeaders): void {
    // 100 answered our own framing; what the client was told about its body is the lane's affair.
    if (this.#over || status === 100 || this.#scope.exchange.protocol === 'HTTP/1.0') return;
    const drop = withNamedFields(interimFieldsDropped, fieldValue(headers, 'connection'));
    this.#scope.exchange.informational(status, applyEdits(headers, { drop, add: [] }));
  }

  head(head: UpstreamResponseHead): void {
    if (this.#over) return;
    const { exchange, services, origin, requestId } = this.#scope;
    this.#scope.upstreamMs = services.clock.now() - this.#dialledAt;
    const type = head.field('content-type') ?? '';
    this.#isStream = endlessType.test(type);
    this.#isGrpc = this.#isStream && grpcType.test(type);
    if (this.#isStream) this.#call?.setIdleTimeout(this.#deployment.policy.streamIdleMs);
    const edits = responseEdits({
      head,
      upstreamProtocol: this.#instance?.protocol ?? 'http1',
      requestId,
      via: services.via,
      policy: this.#deployment.policy,
      secure: origin.proto === 'https',
      setCookie: this.#affinityCookie(),
    });
    try {
      exchange.head(head, edits);
      this.#scope.status = head.status;
    } catch (error) {
      // A field that the lane cannot write: nothing of the head was sent.
      this.#fail('upstreamMalformed', error instanceof Error ? error.message : String(error));
    }
  }

  end(trailers: RawHeaders): void {
    if (this.#over) return;
    this.#over = true;
    // The app has done its part; the client may read on for long.
    this.#scope.guard?.leaveInstance();
    this.#scope.exchange.end(trailers.length === 0 ? trailers : applyEdits(trailers, trailerEdits));
  }

  fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    const { services } = this.#scope;
    const instance = this.#instance;
    if (instance !== null)
      noteFailure(instance, failure.kind, { services, headReceived: failure.headReceived });
    const unsent = failure.kind === 'refused' || failure.kind === 'connectTimeout';
    if (unsent && !this.#bodyStarted && this.#attempts < services.limits.connectAttemptsMax) {
      this.#call = null;
      this.#scope.guard?.leaveInstance();
      this.#search.start();
      return;
    }
    this.#fail(kindOfUpstreamFailure(failure.kind), failure.cause?.message ?? failure.kind);
  }

  clientDrained(): void {
    this.#call?.resume();
  }

  closed(): void {
    if (this.#over) return;
    this.#letGo();
  }

  isStream(): boolean {
    return this.#isStream;
  }

  endPolitely(): void {
    if (this.#over) return;
    this.#letGo();
    this.#scope.exchange.end(this.#isGrpc ? grpcEnd : []);
  }

  cut(): void {
    if (this.#over) return;
    this.#fail(this.#call === null ? 'noInstance' : 'upstreamReset', 'cut at the drain deadline');
  }

  #sendBody(chunk: Buffer): void {
    if (this.#over || this.#call === null) return;
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > this.#deployment.policy.bodyBytesMax) {
      this.#fail('bodyTooLarge', `more than ${this.#deployment.policy.bodyBytesMax} bytes`);
      return;
    }
    if (!this.#call.write(chunk)) this.#scope.exchange.pauseBody();
  }

  /** The page where nothing was sent, a broken-off response otherwise. */
  #fail(kind: FailureKind, cause: string | null): void {
    if (this.#over) return;
    this.#letGo();
    if (this.#scope.status === null) this.#scope.fail(kind, cause);
    else this.#scope.breakOff(kind, cause);
  }

  #letGo(): void {
    this.#over = true;
    this.#search.cancel();
    this.#call?.abort();
    this.#scope.guard?.leaveInstance();
  }

  #affinityCookie(): string | null {
    if (this.#deployment.policy.affinity !== 'cookie' || this.#instance === null) return null;
    if (this.#search.affinity === affinityToken(this.#instance.id)) return null;
    return affinityCookie(this.#instance, this.#scope.origin.proto === 'https');
  }
}
