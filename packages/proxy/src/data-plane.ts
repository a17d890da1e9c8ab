// Puts the data plane together: serving state, balancing, guards, lane, listeners; and routes each message of the
// control process to the one who acts on it.
import { logFactsOfRefusal } from './access-log/log-facts.ts';
import type { ControlMessage, Delta } from './control/messages.ts';
import type {
  CreateDataPlaneInput,
  DataPlane,
  DataPlaneCounters,
  LameDuckInput,
  LameDuckResult,
  ListenInput,
} from './data-plane.types.ts';
import { StaticReads } from './lanes/static-reads.ts';
import { createLanes, type Lanes } from './lanes/create-lanes.ts';
import { runLameDuck } from './lame-duck.ts';
import { defaultLimits, shareLimits, shareOf } from './limits.ts';
import { ConnectionGate } from './listeners/connection-gate.ts';
import { FrontDoor } from './listeners/front-door.ts';
import { passes } from './pipeline/passes.ts';
import { RequestScope } from './pipeline/request-scope.ts';
import { createServices } from './pipeline/create-services.ts';
import type { PipelineServices } from './pipeline/services.ts';
import { createSystemClock } from './timing/clock.ts';
import { DeadlineWheel } from './timing/deadline-wheel.ts';
import { CertificateStore } from './tls/certificate-store.ts';
import { readTicketKeys } from './tls/ticket-keys.ts';

/** Coarse enough to cost nothing, fine enough for the shortest deadline it serves. */
const wheelTickMs = 50;

/** Makes a data plane that serves nothing yet. Errors: INVALID_INPUT for a wrong trusted proxy. */
export function createDataPlane(input: CreateDataPlaneInput): DataPlane {
  return new Plane(input);
}

class Plane implements DataPlane {
  readonly finished: Promise<void>;
  readonly #input: CreateDataPlaneInput;
  readonly #services: PipelineServices;
  readonly #wheel: DeadlineWheel;
  readonly #certificates: CertificateStore;
  readonly #gate: ConnectionGate;
  readonly #lanes: Lanes;
  readonly #door: FrontDoor;
  #lame: Promise<LameDuckResult> | null = null;
  #closing: Promise<void> | null = null;
  #finish: () => void = () => undefined;

  constructor(input: CreateDataPlaneInput) {
    const { options, log } = input;
    this.#input = input;
    const clock = input.clock ?? createSystemClock();
    const limits = shareLimits({ ...defaultLimits, ...options.limits }, options.workers);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#wheel = new DeadlineWheel(clock, wheelTickMs);
    this.#services = createServices({
      ...input,
      clock,
      limits,
      wheel: this.#wheel,
      httpsPort: () => options.httpsPort ?? this.#door.portOf('https'),
    });
    this.#certificates = new CertificateStore(log, limits.tlsContextsMax);
    this.#lanes = this.#createLanes();
    this.#gate = new ConnectionGate({
      clock,
      connectionsMax: shareOf(options.maxConnections, options.workers),
      parkedMax: limits.parkedConnectionsMax,
      parkedTimeoutMs: limits.parkedTimeoutMs,
      changed: () => this.#services.metrics.touch(),
    });
    this.#services.metrics.readFrom({ gate: this.#gate, accessLog: this.#services.accessLog });
    this.#door = new FrontDoor({
      clock,
      gate: this.#gate,
      lane: this.#lanes.first,
      http2Lane: this.#lanes.http2,
      h2c: options.h2c ?? false,
      certificates: this.#certificates,
      trusted: this.#services.trusted,
      limits,
      metrics: this.#services.metrics,
      proxyProtocol: options.proxyProtocol ?? 'off',
      log,
    });
  }

  #createLanes(): Lanes {
    const { clock, limits, upstream, accessLog, metrics } = this.#services;
    return createLanes({
      upstream,
      kind: this.#input.options.lanes ?? 'all',
      deps: {
        limits,
        clock,
        wheel: this.#wheel,
        reads: new StaticReads(),
        isLame: () => this.#lame !== null,
        refused: (refusal) => {
          metrics.headRefused(refusal.status);
          accessLog.write(logFactsOfRefusal(refusal));
        },
        run: (exchange) => new RequestScope(exchange, this.#services, passes).proceed(),
      },
    });
  }

  readonly receive = (message: ControlMessage): void => {
    try {
      this.#apply(message);
    } catch (error) {
      // A message that breaks us must not take the traffic down: the state before it goes on serving.
      this.#input.log.error(
        { message: message.type, reason: reasonOf(error) },
        'control message not applied',
      );
      if (message.type === 'snapshot' || message.type === 'delta') this.#resync();
    }
  };

  readonly listen = (input: ListenInput): ReturnType<DataPlane['listen']> => this.#door.listen(input);

  readonly lameDuck = (input: LameDuckInput): Promise<LameDuckResult> => (this.#lame ??= this.#goLame(input));

  readonly close = (): Promise<void> => (this.#closing ??= this.#closeAll());

  readonly inspect = (): DataPlaneCounters => {
    const { state, keepers, waiting, upstream, accessLog, requests } = this.#services;
    return {
      version: state.version,
      connections: this.#gate.counts,
      requests: { inFlight: requests.size, waiting: waiting.waiting, clients: keepers.clients.clients },
      deployments: [...state.deployments()].length,
      hosts: state.routes.size,
      drains: keepers.drains.size,
      upstream: upstream.inspect(),
      accessLogDropped: accessLog.dropped(),
    };
  };

  #apply(message: ControlMessage): void {
    const { state, keepers, send, accessLog } = this.#services;
    switch (message.type) {
      case 'snapshot':
        return this.#applySnapshot(message.snapshot);
      case 'delta':
        return this.#applyDelta(message.delta);
      case 'drain': {
        const instance = state.findInstance(message.instance);
        if (instance === undefined) keepers.drains.drainUnknown(message.instance);
        else keepers.drains.drain(instance, message.deadlineMs);
        return;
      }
      case 'lameDuck':
        void this.lameDuck(message);
        return;
      case 'wakeFailed': {
        const deployment = state.deployment(message.deploymentId);
        if (deployment === undefined) return;
        deployment.wakeSaid = false;
        deployment.waiting.failAll('startFailed');
        return;
      }
      case 'cordon':
        return this.#door.cordon(message.on);
      case 'reopenAccessLog':
        return accessLog.reopen();
      case 'ping':
        return send({ type: 'pong', nonce: message.nonce });
    }
  }

  #applySnapshot(snapshot: Extract<ControlMessage, { type: 'snapshot' }>['snapshot']): void {
    const { state, keepers, metrics, send } = this.#services;
    state.applySnapshot(snapshot);
    this.#setCertificates(snapshot.certificates);
    this.#door.alpnChallengesChanged(snapshot.alpnChallenges ?? []);
    this.#setTicketKeys(snapshot);
    send({ type: 'acknowledged', version: snapshot.version });
    // A snapshot may come from a new control process, which knows neither our counts nor who waits.
    keepers.activity.announce(state.deployments());
    metrics.announce(state.deployments());
    for (const deployment of state.deployments()) {
      if (deployment.traffic.kind !== 'onDemand' || deployment.waiting.size === 0) continue;
      deployment.wakeSaid = true;
      send({ type: 'wake', deploymentId: deployment.id });
    }
  }

  #applyDelta(delta: Delta): void {
    if (!this.#services.state.applyDelta(delta)) {
      this.#resync();
      return;
    }
    if (delta.certificates !== undefined) this.#setCertificates(delta.certificates);
    if (delta.alpnChallenges !== undefined) this.#door.alpnChallengesChanged(delta.alpnChallenges);
    this.#setTicketKeys(delta);
    this.#services.send({ type: 'acknowledged', version: delta.version });
  }

  #setCertificates(views: Parameters<CertificateStore['update']>[0]): void {
    this.#certificates.update(views);
    this.#door.certificatesChanged();
  }

  #setTicketKeys({ ticketKeys, previousTicketKeys }: Pick<Delta, 'ticketKeys' | 'previousTicketKeys'>): void {
    if (ticketKeys === undefined) return;
    const current = this.#readTicketKeys(ticketKeys);
    const previous = previousTicketKeys === undefined ? null : this.#readTicketKeys(previousTicketKeys);
    if (current !== null) this.#door.ticketKeysChanged(current, previous);
  }

  #readTicketKeys(text: string): Buffer | null {
    const keys = readTicketKeys(text);
    if (keys === null) this.#input.log.error({ characters: text.length }, 'session ticket keys left out');
    return keys;
  }

  #resync(): void {
    this.#services.send({ type: 'resync', have: this.#services.state.version });
  }

  async #goLame(input: LameDuckInput): Promise<LameDuckResult> {
    const { clock, limits, requests, accessLog, metrics } = this.#services;
    const accepting = this.#door.stopAccepting();
    const result = await runLameDuck(input, {
      clock,
      limits,
      lanes: this.#lanes.all,
      gate: this.#gate,
      requests,
    });
    await accepting;
    metrics.close();
    await accessLog.close();
    this.#input.log.info({ ...result }, 'lame duck ended');
    this.#finish();
    return result;
  }

  async #closeAll(): Promise<void> {
    const { keepers, waiting, upstream, accessLog, metrics } = this.#services;
    const accepting = this.#door.stopAccepting();
    for (const lane of this.#lanes.all)
      for (const connection of Array.from(lane.connections)) connection.cut();
    this.#gate.close();
    upstream.close();
    keepers.drains.close();
    waiting.close();
    keepers.activity.close();
    metrics.close();
    this.#wheel.close();
    await accepting;
    await accessLog.close();
    this.#finish();
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
