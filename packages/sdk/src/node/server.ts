// A fetch app on node:http: binds, and nothing else. Also what Deno uses, through its node:http.
import { once } from 'node:events';
import http from 'node:http';
import { type FetchApp } from '../app.ts';
import { KEEP_ALIVE_MS } from '../limits.ts';
import { createFetchListener } from './fetch-listener.ts';

export interface ListenAddress {
  /** null: every interface. */
  readonly host: string | null;
  readonly port: number;
}

/** Rejects when the address cannot be bound. `requestTimeout` is off: the proxy guards slow clients, uploads may take long. */
export async function listenWithNode(
  app: FetchApp,
  address: ListenAddress,
  isManaged: boolean,
): Promise<http.Server> {
  const server = createNodeServer(app, isManaged);
  server.listen({ port: address.port, ...(address.host === null ? {} : { host: address.host }) });
  await once(server, 'listening');
  return server;
}

export function createNodeServer(app: FetchApp, isManaged: boolean): http.Server {
  return http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: isManaged ? 0 : 300_000 },
    createFetchListener(app, { trustForwardedProto: isManaged }),
  );
}
