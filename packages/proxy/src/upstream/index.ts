// Public names of the upstream client.
export {
  createUpstreamClient,
  type UpstreamClientOptions,
  type UpstreamWireClient,
} from './upstream-client.ts';
export type { UpstreamLimits } from './limits.ts';
export type * from './upstream.types.ts';
export type * from './wire.types.ts';
