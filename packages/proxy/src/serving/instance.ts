// One app process as the data plane sees it: its address, its rotation and what is in flight on it here.
import type { InstanceRotation, InstanceView } from '../control/messages.ts';
import type { InFlightRequest } from '../in-flight/in-flight-request.ts';
import { Roll } from '../in-flight/roll.ts';
import type { UpstreamProtocol } from '../upstream/upstream.types.ts';

export class Instance {
  readonly id: string;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: UpstreamProtocol;
  rotation: InstanceRotation;
  /** Refused a connection: passed over until then (clock ms). */
  restsUntil = 0;
  /** When a passive failure was last reported (clock ms). */
  reportedAt = -Infinity;
  readonly inFlight = new Roll<InFlightRequest>();

  constructor(view: InstanceView) {
    this.id = view.id;
    this.version = view.version;
    this.host = view.host;
    this.port = view.port;
    this.protocol = view.protocol ?? 'http1';
    this.rotation = view.rotation;
  }

  /** May be given a new request. */
  isAvailable(nowMs: number): boolean {
    return this.rotation !== 'draining' && this.restsUntil <= nowMs;
  }
}
