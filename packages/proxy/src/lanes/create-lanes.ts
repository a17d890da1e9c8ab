// The lanes of one data plane, and who begins with a connection. Knows no listener.
import type { UpstreamWireClient } from '../upstream/index.ts';
import { FastLane } from './fast/fast-lane.ts';
import { GeneralLane } from './general/general-lane.ts';
import type { LaneDeps } from './general/lane-deps.ts';
import { NodeHttp2Lane } from './http2/node/node-http2-lane.ts';
import { Http2Lane } from './http2/own/http2-lane.ts';
import type { Lane } from './lane.ts';

export interface Lanes {
  /** Gets every connection that speaks HTTP/1. */
  readonly first: Lane;
  readonly http2: Lane;
  readonly all: readonly Lane[];
}

export interface CreateLanesInput {
  readonly deps: LaneDeps;
  readonly upstream: UpstreamWireClient;
  readonly kind: 'all' | 'general';
}

export function createLanes({ deps, upstream, kind }: CreateLanesInput): Lanes {
  const general = new GeneralLane(deps);
  if (kind === 'general') {
    const http2 = new NodeHttp2Lane({ deps, upstream });
    return { first: general, http2, all: [general, http2] };
  }
  const http2 = new Http2Lane({ deps, upstream });
  const fast = new FastLane({ deps, upstream, otherLane: general });
  return { first: fast, http2, all: [fast, general, http2] };
}
