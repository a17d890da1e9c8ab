// The fast lane: HTTP/1.1 in its canonical form, over raw sockets in and out. Keeps its connections; gives what it
// does not recognise to another lane.
import type { Socket } from 'node:net';
import { chooseRequestId } from '../../headers/request-id.ts';
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import { errorReply } from '../../replies/error-page.ts';
import type { FailureKind } from '../../replies/failure.ts';
import { formatRawReply } from '../../replies/raw-reply.ts';
import type { UpstreamWireClient } from '../../upstream/index.ts';
import type { LaneDeps } from '../general/lane-deps.ts';
import type { Lane } from '../lane.ts';
import { FastConnection } from './fast-connection.ts';
import type { FastConnectionEvents } from './fast-lane.types.ts';
import { FastLaneParts } from './fast-lane-parts.ts';

export interface FastLaneInput {
  readonly deps: LaneDeps;
  readonly upstream: UpstreamWireClient;
  /** Serves connections whose heads are valid but not canonical. */
  readonly otherLane: Lane;
}

export class FastLane implements Lane {
  readonly #parts: FastLaneParts;
  readonly #otherLane: Lane;
  readonly #connections = new Set<FastConnection>();
  readonly #events: FastConnectionEvents<FastConnection> = {
    handedOver: (connection) => {
      this.#connections.delete(connection);
      this.#otherLane.serve(connection.socket, { ...connection.facts, lane: 'general' });
    },
    refusal: (facts, why) => this.#refusal(facts, why),
    closed: (connection) => this.#connections.delete(connection),
  };

  constructor({ deps, upstream, otherLane }: FastLaneInput) {
    this.#parts = new FastLaneParts(deps, upstream);
    this.#otherLane = otherLane;
  }

  get connections(): Iterable<FastConnection> {
    return this.#connections;
  }

  get size(): number {
    return this.#connections.size;
  }

  serve(socket: Socket, facts: ConnectionFacts): void {
    const connection = new FastConnection(
      socket,
      { ...facts, lane: 'fast' },
      { parts: this.#parts, events: this.#events },
    );
    if (!connection.isHandedOver) this.#connections.add(connection);
  }

  #refusal(
    connection: ConnectionFacts,
    { kind, cause }: { readonly kind: FailureKind; readonly cause: string },
  ): string {
    const { limits, refused } = this.#parts.deps;
    const requestId = chooseRequestId(undefined, limits.requestIdCharsMax);
    const reply = errorReply({
      kind,
      requestId,
      accept: undefined,
      retryAfterSeconds: limits.retryAfterSeconds,
    });
    refused({ connection, requestId, kind, status: reply.status, cause });
    return formatRawReply(reply);
  }
}
