// attach(): the contract for an app that brings its own node:http server (Express, Fastify, Hono, plain).
import { once } from 'node:events';
import { type Server as HttpServer } from 'node:http';
import { type Server as HttpsServer } from 'node:https';
import { type Hooks } from './app.ts';
import { type InstanceContext, instanceContext } from './instance-context.ts';
import { createInternalAnswerer } from './internal-request.ts';
import { awaitReady, endProcess, sayReady, stopOnSigterm } from './lifecycle.ts';
import { guardServer } from './node/guard.ts';

/**
 * Adds readiness, private status and graceful stop to a server. The app itself listens, before or after, on
 * `process.env.PORT`. Resolves when readiness was said; outside Tako it does nothing but await `ready()`.
 * A failed start ends the process, non-zero, with the reason on stderr. Throws when this process already serves.
 */
export async function attach(server: HttpServer | HttpsServer, hooks: Hooks = {}): Promise<void> {
  const context = instanceContext();
  context.claim('attach()');
  if (!context.isManaged) return awaitReady(hooks);
  // First of all, while nothing is in flight: a request must be counted from its beginning.
  const drainable = guard(server as HttpServer, context);
  const isListening = server.listening ? Promise.resolve() : once(server, 'listening');
  await Promise.all([awaitReady(hooks), isListening]);
  stopOnSigterm(context, drainable, hooks);
  sayReady(context, portOf(server as HttpServer));
}

function guard(server: HttpServer, context: InstanceContext): ReturnType<typeof guardServer> {
  try {
    return guardServer(server, createInternalAnswerer(context));
  } catch (error) {
    return endProcess(1, 'attach() failed', error);
  }
}

function portOf(server: HttpServer): number {
  const address = server.address();
  if (address !== null && typeof address === 'object') return address.port;
  return endProcess(
    1,
    'attach() failed',
    `the server listens on ${String(address)}; Tako reaches an app on a TCP port, process.env.PORT`,
  );
}
