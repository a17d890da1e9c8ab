// A Hono app on Node's own server; with @tako/sdk a default export is enough.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.get('/', (context) => context.html('<h1>Hono on Tako</h1>'));
app.get('/version', (context) => context.text(process.env['TAKO_VERSION'] ?? ''));

const server = serve({
  fetch: app.fetch,
  port: Number(process.env['PORT'] ?? 3000),
  hostname: process.env['HOST'] ?? '127.0.0.1',
});
process.once('SIGTERM', () => server.close());
