// Ends an HTTP server whose socket others go on with, without cutting whom it accepted a moment ago.
import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { withDeadline } from '../timing.ts';

/**
 * Resolves when its connections have ended, each by itself, after `timeoutMs` all of them. (An HTTP server's own
 * `close` cuts those that did not ask yet: a client of a shared socket cannot know whom it reached.)
 */
export async function stopAccepting(server: Server, timeoutMs: number): Promise<void> {
  const closed = new Promise((resolve) => TcpServer.prototype.close.call(server, resolve));
  await withDeadline(closed, timeoutMs, undefined);
  server.closeAllConnections();
  await closed;
  // Ends its own timer; it does not listen any more.
  server.close(() => undefined);
}
