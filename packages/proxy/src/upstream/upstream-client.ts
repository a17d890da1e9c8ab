// The header-list face of the upstream client, for lanes that hold requests as objects and for apps that speak HTTP/2:
// heads as flat lists, bodies as data without framing. Knows no socket; the client of each protocol does the work.
import { createSystemClock, type Clock } from '../timing/clock.ts';
import { DeadlineWheel } from '../timing/deadline-wheel.ts';
import { H2cClient } from './h2c/h2c-client.ts';
import { defaultUpstreamLimits, type UpstreamLimits } from './limits.ts';
import { ListCall } from './list-call.ts';
import { WireClient } from './wire-client.ts';
import type { UpstreamClient } from './upstream.types.ts';
import type { WireCall, WireRequest, WireSink } from './wire.types.ts';
import type { UpstreamTarget } from './upstream.types.ts';

export interface UpstreamClientOptions {
  readonly limits?: Partial<UpstreamLimits>;
  readonly clock?: Clock;
  /** Shared with other owners of deadlines; then `close` leaves it alone. */
  readonly wheel?: DeadlineWheel;
}

/** Both faces of one client: `request` for lists, `send` for bytes, which only an HTTP/1.1 app understands. */
export interface UpstreamWireClient extends UpstreamClient {
  readonly send: (target: UpstreamTarget, request: WireRequest, sink: WireSink) => WireCall;
}

const tickMs = 100;

export function createUpstreamClient(options: UpstreamClientOptions = {}): UpstreamWireClient {
  const clock = options.clock ?? createSystemClock();
  const wheel = options.wheel ?? new DeadlineWheel(clock, tickMs);
  const services = { clock, wheel, limits: { ...defaultUpstreamLimits, ...options.limits } };
  const wire = new WireClient(services);
  const h2c = new H2cClient(services);
  const both = [wire.pools, h2c.pools];
  return {
    send: (target, request, sink) => wire.send(target, request, sink),
    request: (target, request, listener) =>
      target.protocol === 'h2c'
        ? h2c.request(target, request, listener)
        : new ListCall(wire, target, { request, listener }),
    forget: (instanceId) => {
      for (const pools of both) pools.forget(instanceId);
    },
    inspect: () => {
      const [http1, http2] = [wire.pools.inspect(), h2c.pools.inspect()];
      return { idle: http1.idle + http2.idle, busy: http1.busy + http2.busy };
    },
    close: () => {
      for (const pools of both) pools.close();
      if (options.wheel === undefined) wheel.close();
    },
  };
}
