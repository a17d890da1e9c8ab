// Carries one upgraded connection to an instance, under the same guard as any request. The lane opens and relays the
// tunnel; choosing, retrying and ending it are decided here.
import { InstanceSearch } from '../balancing/instance-search.ts';
import { requestEdits, responseEdits } from '../headers/forwarding-edits.ts';
import { fieldValue } from '../headers/header-edits.ts';
import type { Tunnel, TunnelFailureKind } from '../pipeline/exchange.ts';
import type { Carrier, RequestScope } from '../pipeline/request-scope.ts';
import type { FailureKind } from '../replies/failure.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Instance } from '../serving/instance.ts';
import { kindOfUpstreamFailure, noteFailure } from './upstream-failure.ts';

export class Tunneling implements Carrier {
  readonly #scope: RequestScope;
  readonly #deployment: Deployment;
  readonly #search: InstanceSearch;
  #tunnel: Tunnel | null = null;
  #attempts = 0;
  #answered = false;
  #over = false;

  constructor(scope: RequestScope) {
    if (scope.deployment === null) throw new Error('No deployment to tunnel to');
    this.#scope = scope;
    this.#deployment = scope.deployment;
    this.#search = new InstanceSearch(scope, scope.deployment, {
      found: (instance) => this.#open(instance),
      failed: (kind, cause) => this.#fail(kind, cause),
    });
  }

  start(): void {
    this.#search.start();
  }

  isStream(): boolean {
    return this.#answered;
  }

  endPolitely(): void {
    this.#tunnel?.endPolitely();
  }

  cut(): void {
    if (this.#over) return;
    if (this.#answered) this.#tunnel?.cut();
    else this.#fail(this.#tunnel === null ? 'noInstance' : 'upstreamReset', 'cut at the drain deadline');
  }

  clientDrained(): void {
    // The lane relays a tunnel by itself, back-pressure included.
  }

  closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#search.cancel();
    this.#tunnel?.cut();
    this.#scope.guard?.leaveInstance();
  }

  #open(instance: Instance): void {
    const { exchange, services, origin, requestId, guard } = this.#scope;
    const dialledAt = services.clock.now();
    const policy = this.#deployment.policy;
    this.#attempts += 1;
    this.#scope.instance = instance;
    if (instance.protocol === 'h2c') {
      // RFC 8441 would be the way, and few apps speak it; the handshake of HTTP/1.1 they do not understand.
      this.#fail('upgradeImpossible', 'the app speaks HTTP/2 in clear text (upstream_protocol = "h2c")');
      return;
    }
    guard?.hold(instance, this.#scope);
    this.#tunnel = exchange.openTunnel(
      {
        target: instance,
        edits: requestEdits({
          exchange,
          origin,
          requestId,
          serverName: services.via.name,
          upstreamProtocol: instance.protocol,
        }),
        responseEdits: (headers) =>
          responseEdits({
            head: { field: (name) => fieldValue(headers, name) },
            upstreamProtocol: instance.protocol,
            requestId,
            via: services.via,
            policy,
            secure: origin.proto === 'https',
            setCookie: null,
          }),
        connectTimeoutMs: services.limits.connectTimeoutMs,
        headTimeoutMs: services.limits.responseHeadTimeoutMs,
        idleTimeoutMs: policy.streamIdleMs,
      },
      {
        answered: (status) => {
          this.#answered = true;
          this.#scope.status = status;
          this.#scope.upstreamMs = services.clock.now() - dialledAt;
        },
        failed: (kind, cause) => this.#failed(instance, kind, cause),
      },
    );
  }

  #failed(instance: Instance, kind: TunnelFailureKind, cause: Error): void {
    if (this.#over) return;
    const { services, guard } = this.#scope;
    noteFailure(instance, kind, { services, headReceived: this.#answered });
    const unsent = kind === 'refused' || kind === 'connectTimeout';
    if (unsent && this.#attempts < services.limits.connectAttemptsMax) {
      this.#tunnel = null;
      guard?.leaveInstance();
      this.#search.start();
      return;
    }
    this.#fail(kindOfUpstreamFailure(kind), cause.message);
  }

  #fail(kind: FailureKind, cause: string | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#search.cancel();
    this.#tunnel?.cut();
    this.#scope.guard?.leaveInstance();
    if (this.#scope.status === null) this.#scope.fail(kind, cause);
    else this.#scope.breakOff(kind, cause);
  }
}
