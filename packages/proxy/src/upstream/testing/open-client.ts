// Test support: a client that `using` closes.
import { createUpstreamClient, type UpstreamClientOptions } from '../upstream-client.ts';
import type { UpstreamWireClient } from '../upstream-client.ts';

export function openClient(options: UpstreamClientOptions = {}): UpstreamWireClient & Disposable {
  const client = createUpstreamClient(options);
  return { ...client, [Symbol.dispose]: () => client.close() };
}
