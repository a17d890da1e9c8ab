// The upstream client of HTTP/1.1: the rule by which a request is sent a second time. Lanes that
// work on bytes use it directly, the others through `upstream-client.ts`. Knows no route and no policy.
import { ResponseHead } from '../h1/response-head.ts';
import type { UpstreamConnection } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { ConnectionServices, ConnectionUser } from './connection.types.ts';
import { InstancePools } from './instance-pools.ts';
import type { RawHeaders, UpstreamFailureKind, UpstreamTarget } from './upstream.types.ts';
import type { WireCall, WireRequest, WireSink } from './wire.types.ts';

export class WireClient {
  readonly pools: InstancePools<ConnectionPool>;

  constructor(given: Omit<ConnectionServices, 'responseHead'>) {
    const { responseHeadBytesMax, responseFieldsMax } = given.limits;
    const responseHead = new ResponseHead({
      headBytesMax: responseHeadBytesMax,
      lineBytesMax: responseHeadBytesMax,
      fieldsMax: responseFieldsMax,
    });
    const services = { ...given, responseHead };
    this.pools = new InstancePools((target) => new ConnectionPool(target, services));
  }

  send(target: UpstreamTarget, request: WireRequest, sink: WireSink): WireCall {
    return new WireExchange(this.pools.of(target), request, sink);
  }
}

/** One request on its way, on one connection or, after a replay, a second. */
class WireExchange implements WireCall, ConnectionUser {
  readonly #pool: ConnectionPool;
  readonly #request: WireRequest;
  readonly #sink: WireSink;
  #connection: UpstreamConnection;
  #replayed = false;
  #over = false;

  constructor(pool: ConnectionPool, request: WireRequest, sink: WireSink) {
    this.#pool = pool;
    this.#request = request;
    this.#sink = sink;
    this.#connection = pool.take(request.replayable) ?? pool.open();
    this.#connection.start(this, request);
  }

  write(bytes: Buffer): boolean {
    return this.#over || this.#connection.write(bytes);
  }

  bufferedBytes(): number {
    return this.#over ? 0 : this.#connection.bufferedBytes;
  }

  end(): void {
    if (!this.#over) this.#connection.endRequest();
  }

  pause(): void {
    if (!this.#over) this.#connection.pause();
  }

  resume(): void {
    if (!this.#over) this.#connection.resume();
  }

  setIdleTimeout(milliseconds: number): void {
    if (!this.#over) this.#connection.setIdleTimeout(milliseconds);
  }

  keepBuffer(): void {
    this.#connection.keepBuffer();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.destroy();
  }

  connectionReady(): void {
    this.#sink.wireReady();
  }

  connectionInterim(head: ResponseHead, buffer: Buffer): void {
    this.#sink.wireInterim(head, buffer);
  }

  connectionHead(head: ResponseHead, buffer: Buffer): void {
    this.#sink.wireHead(head, buffer);
  }

  connectionBody(buffer: Buffer, start: number, end: number): void {
    this.#sink.wireBody(buffer, start, end);
  }

  connectionReadDone(): void {
    this.#sink.wirePause();
  }

  connectionEnded(trailers: RawHeaders): void {
    this.#over = true;
    this.#sink.wireEnded(trailers);
  }

  connectionDrained(): void {
    this.#sink.wireDrained();
  }

  connectionFailed(kind: UpstreamFailureKind, cause: Error | undefined): void {
    const connection = this.#connection;
    if (kind === 'reset' && this.#mayReplay(connection)) {
      // RFC 9110 §9.2.2: once, on a connection of its own, so that a second stale one cannot fail it.
      this.#replayed = true;
      this.#connection = this.#pool.open();
      this.#connection.start(this, this.#request);
      return;
    }
    this.#over = true;
    this.#sink.wireFailed({
      kind,
      headReceived: connection.headSeen,
      reusedConnection: connection.reused,
      cause,
    });
  }

  #mayReplay(connection: UpstreamConnection): boolean {
    return (
      connection.reused &&
      !connection.responseBegun &&
      !this.#replayed &&
      this.#request.replayable &&
      !this.#request.hasBody
    );
  }
}
