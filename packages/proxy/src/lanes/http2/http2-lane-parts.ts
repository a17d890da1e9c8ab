// What the connections and exchanges of the HTTP/2 lane share.
import type { UpstreamWireClient } from '../../upstream/index.ts';
import type { LaneDeps } from '../general/lane-deps.ts';

export interface Http2LaneParts {
  readonly deps: LaneDeps;
  readonly upstream: UpstreamWireClient;
}
