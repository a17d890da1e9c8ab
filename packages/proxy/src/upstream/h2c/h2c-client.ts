// The upstream client of apps that speak HTTP/2 in clear text. Knows no route and no policy.
import { InstancePools } from '../instance-pools.ts';
import type { UpstreamCall, UpstreamListener, UpstreamRequest, UpstreamTarget } from '../upstream.types.ts';
import { H2cCall } from './h2c-call.ts';
import { SessionPool } from './session-pool.ts';
import type { SessionServices } from './session.types.ts';

export class H2cClient {
  readonly pools: InstancePools<SessionPool>;
  readonly #services: SessionServices;

  constructor(services: SessionServices) {
    this.#services = services;
    this.pools = new InstancePools((target) => new SessionPool(target, services));
  }

  request(target: UpstreamTarget, request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    return new H2cCall(this.pools.of(target), this.#services, { request, listener });
  }
}
