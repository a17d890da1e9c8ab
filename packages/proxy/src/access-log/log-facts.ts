// What the access log says of one request (spec 50, observability): from the request, or from what little is known of
// a head that never became one.
import type { ConnectionFacts } from '../pipeline/exchange.ts';
import type { RequestScope } from '../pipeline/request-scope.ts';
import type { FailureKind } from '../replies/failure.ts';

export interface LogFacts {
  readonly requestId: string;
  readonly client: string;
  readonly method: string | null;
  readonly host: string | null;
  readonly path: string | null;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** From dialling to the response head. */
  readonly upstreamMs: number | null;
  readonly deployment: string | null;
  readonly instance: string | null;
  readonly release: string | null;
  readonly lane: string;
  readonly cache: string | null;
  readonly protocol: string | null;
  readonly tls: boolean;
  readonly failure: FailureKind | null;
  readonly cause: string | null;
}

export function logFactsOf(scope: RequestScope): LogFacts {
  const { exchange, deployment, instance, services } = scope;
  return {
    requestId: scope.requestId,
    client: scope.origin.address,
    method: exchange.method,
    host: scope.host === '' ? exchange.authority : scope.host,
    path: exchange.target,
    status: scope.finalStatus,
    bytesIn: exchange.bytesIn(),
    bytesOut: exchange.bytesOut(),
    durationMs: services.clock.now() - scope.startedAt,
    upstreamMs: scope.upstreamMs,
    deployment: deployment?.id ?? null,
    instance: instance?.id ?? null,
    release: instance?.version ?? null,
    lane: exchange.connection.lane,
    cache: null,
    protocol: exchange.protocol,
    tls: exchange.connection.tls,
    failure: scope.failure,
    cause: scope.cause,
  };
}

export interface RefusedHead {
  readonly connection: ConnectionFacts;
  readonly requestId: string;
  readonly kind: FailureKind;
  readonly status: number;
  readonly cause: string;
}

export function logFactsOfRefusal({ connection, requestId, kind, status, cause }: RefusedHead): LogFacts {
  return {
    requestId,
    client: connection.peerAddress,
    method: null,
    host: null,
    path: null,
    status,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    upstreamMs: null,
    deployment: null,
    instance: null,
    release: null,
    lane: connection.lane,
    cache: null,
    protocol: null,
    tls: connection.tls,
    failure: kind,
    cause,
  };
}
