// Public names of the data plane.
export type * from './control/messages.ts';
export * from './data-plane.types.ts';
export { createDataPlane } from './data-plane.ts';
export type { ProxyProtocolMode } from './proxy-protocol/header.ts';
export { bucketBoundsMs } from './metrics/histogram.ts';
export { defaultLimits, type Limits } from './limits.ts';
