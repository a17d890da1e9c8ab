// What one data plane counts: per deployment, per connection, per handshake. Told to the control process as totals
// since the start, at most once an interval and only after a change, so that a message that is lost costs nothing.
import type { AccessLog } from '../access-log/access-log.ts';
import type { PlaneCounters, PlaneGauges, WorkerMessage } from '../control/messages.ts';
import type { ConnectionGate } from '../listeners/connection-gate.ts';
import type { RequestScope } from '../pipeline/request-scope.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Clock } from '../timing/clock.ts';
import { RequestMetrics } from './request-metrics.ts';

export type HandshakeOutcome = 'full' | 'resumed' | 'failed';

/** Who counts by itself: read when told. */
export interface MetricsSources {
  readonly gate: Pick<ConnectionGate, 'counts'>;
  readonly accessLog: Pick<AccessLog, 'dropped'>;
}

export interface PlaneMetricsOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly send: (message: WorkerMessage) => void;
}

export class PlaneMetrics {
  readonly #options: PlaneMetricsOptions;
  /** Of requests that no deployment was found for, and heads that never became a request. */
  readonly #unrouted = new RequestMetrics('');
  readonly #handshakes: Record<HandshakeOutcome, number> = { full: 0, resumed: 0, failed: 0 };
  #proxyHeadersRefused = 0;
  /** Each once: `isNoted` says that it is in. */
  #changed: RequestMetrics[] = [];
  #sources: MetricsSources | null = null;
  #cancel: (() => void) | null = null;
  #closed = false;

  constructor(options: PlaneMetricsOptions) {
    this.#options = options;
  }

  /** Once, before anything is counted. */
  readFrom(sources: MetricsSources): void {
    this.#sources = sources;
  }

  requestEnded(scope: RequestScope): void {
    const { deployment } = scope;
    const metrics =
      deployment === null ? this.#unrouted : (deployment.metrics ??= new RequestMetrics(deployment.id));
    metrics.count(scope.finalStatus);
    // A WebSocket or event stream lasts as long as its client likes: that says nothing about the app.
    if (!scope.isStream()) metrics.duration.observe(this.#options.clock.now() - scope.startedAt);
    if (scope.upstreamMs !== null) metrics.upstream.observe(scope.upstreamMs);
    this.#note(metrics);
  }

  /** A head that never became a request was answered. */
  headRefused(status: number): void {
    this.#unrouted.count(status);
    this.#note(this.#unrouted);
  }

  handshakeEnded(outcome: HandshakeOutcome): void {
    this.#handshakes[outcome] += 1;
    this.touch();
  }

  proxyHeaderRefused(): void {
    this.#proxyHeadersRefused += 1;
    this.touch();
  }

  /** Something that is counted elsewhere changed. */
  touch(): void {
    if (this.#cancel !== null || this.#closed) return;
    this.#cancel = this.#options.clock.after(this.#options.intervalMs, () => this.#tell());
  }

  /** Tells everything anew: a new control process knows nothing of it. */
  announce(deployments: Iterable<Deployment>): void {
    for (const { metrics } of deployments) if (metrics !== null) this.#note(metrics);
    this.#note(this.#unrouted);
  }

  /** The last word. */
  close(): void {
    if (this.#cancel !== null) this.#tell();
    this.#closed = true;
  }

  #note(metrics: RequestMetrics): void {
    if (!metrics.isNoted) {
      metrics.isNoted = true;
      this.#changed.push(metrics);
    }
    this.touch();
  }

  #tell(): void {
    this.#cancel?.();
    this.#cancel = null;
    const changed = this.#changed;
    this.#changed = [];
    for (const metrics of changed) metrics.isNoted = false;
    const deployments = changed.map((metrics) => metrics.counts);
    this.#options.send({ type: 'metrics', metrics: { ...this.#totals(), deployments } });
  }

  #totals(): { readonly counters: PlaneCounters; readonly gauges: PlaneGauges } {
    if (this.#sources === null) throw new Error('Metrics are told before there is anybody who counts');
    const { accepted, refused, open, parked } = this.#sources.gate.counts;
    return {
      counters: {
        connectionsAccepted: accepted,
        connectionsRefused: refused,
        handshakesFull: this.#handshakes.full,
        handshakesResumed: this.#handshakes.resumed,
        handshakesFailed: this.#handshakes.failed,
        proxyHeadersRefused: this.#proxyHeadersRefused,
        accessLogDropped: this.#sources.accessLog.dropped(),
      },
      gauges: { connectionsOpen: open, connectionsParked: parked },
    };
  }
}
