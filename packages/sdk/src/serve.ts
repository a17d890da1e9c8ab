// serve(): a fetch app becomes the instance's server, in the order ready() → bind → TAKO:READY.
import { type Server } from 'node:http';
import { type FetchApp, type FetchHandler, readApp } from './app.ts';
import { bunApi } from './bun/bun-api.ts';
import { listenWithBun } from './bun/server.ts';
import { type InstanceContext, instanceContext } from './instance-context.ts';
import { createInternalAnswerer } from './internal-request.ts';
import { type Drainable, awaitReady, endProcess, sayReady, stopOnSigterm } from './lifecycle.ts';
import { guardServer } from './node/guard.ts';
import { listenWithNode } from './node/server.ts';

export interface Served {
  readonly port: number;
  /** The node:http server, for WebSocket libraries; null under Bun, where the handler gets the server. */
  readonly server: Server | null;
  /** Stops gracefully, without ending the process. */
  close(): Promise<void>;
}

/**
 * Serves a fetch handler, or `{fetch, ready?, drain?}`, on `HOST`:`PORT`; outside Tako on PORT or 3000.
 * Resolves when it listens. A failed start (a bad app, a taken port, a throw in `ready()`) ends the process,
 * non-zero, with the reason on stderr, so nothing has to be caught. Throws when this process already serves.
 */
export async function serve(handler: FetchHandler | FetchApp): Promise<Served> {
  const context = instanceContext();
  context.claim('serve()');
  const form = readApp(handler);
  if (form.kind === 'refused')
    return endProcess(1, 'serve() was given something it cannot serve', form.reason);
  await awaitReady(form.app);
  const listener = await listen(form.app, context);
  stopOnSigterm(context, listener, form.app);
  sayReady(context, listener.port);
  if (!context.isManaged) process.stdout.write(`Listening on http://localhost:${listener.port}\n`);
  return { port: listener.port, server: listener.server, close: () => listener.drain() };
}

interface Listener extends Drainable {
  readonly port: number;
  readonly server: Server | null;
}

async function listen(app: FetchApp, context: InstanceContext): Promise<Listener> {
  const { host, port } = context.environment;
  const bun = bunApi();
  try {
    const answer = createInternalAnswerer(context);
    if (bun !== null) {
      const listener = listenWithBun(bun, app, { host, port, answer, isManaged: context.isManaged });
      return { port: listener.server.port, server: null, drain: () => listener.drain() };
    }
    const server = await listenWithNode(app, { host, port }, context.isManaged);
    const address = server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    return { port: bound, server, ...guardServer(server, answer) };
  } catch (error) {
    return endProcess(1, `cannot listen on ${host ?? '*'}:${port}`, error);
  }
}
