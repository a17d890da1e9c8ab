// Who frames HTTP/2: we, or Node in the general lane. What one does, the other does.
import type { LaneUnderTest } from './test-plane.ts';

export const http2Lanes: readonly LaneUnderTest[] = [
  { name: 'HTTP/2 lane', lanes: 'all', client: 'http2' },
  { name: 'HTTP/2 by Node', lanes: 'general', client: 'http2' },
];
