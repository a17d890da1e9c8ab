// A counter in bun:sqlite and a WebSocket echo, served by Bun.serve through the SDK.
import { Database } from 'bun:sqlite';
import { tako } from '@tako/sdk';

interface Upgrader {
  upgrade(request: Request): boolean;
}
interface Socket {
  send(message: string | Uint8Array): void;
}

const database = new Database(':memory:');
database.run('CREATE TABLE visits (path TEXT PRIMARY KEY, count INTEGER NOT NULL)');
const visit = database.query<{ count: number }, [string]>(
  'INSERT INTO visits VALUES (?, 1) ON CONFLICT (path) DO UPDATE SET count = count + 1 RETURNING count',
);

export default {
  fetch(request: Request, server: Upgrader): Response | undefined {
    const { pathname } = new URL(request.url);
    if (pathname === '/ws')
      return server.upgrade(request) ? undefined : new Response('Upgrade Required\n', { status: 426 });
    if (pathname !== '/') return new Response('Not Found\n', { status: 404 });
    return Response.json(
      { runtime: `bun ${Bun.version}`, version: tako.version, visits: visit.get(pathname)?.count },
      { headers: { 'x-app-version': tako.version ?? 'local' } },
    );
  },
  websocket: {
    message(socket: Socket, message: string | Uint8Array): void {
      socket.send(message);
    },
  },
  drain(): void {
    database.close();
  },
};
