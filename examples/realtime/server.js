// WebSockets and event streams, and how both end properly when the instance has to go.
import http from 'node:http';
import { WebSocketServer } from 'ws';
import { page } from './page.js';

const GOING_AWAY = 1001;
const TICK_MS = 1000;
const version = process.env.TAKO_VERSION ?? 'local';
const streams = new Set();
const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 });

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('x-app-version', version);
  if (pathname === '/healthz') return response.end('ok\n');
  if (pathname === '/events') return openStream(response);
  if (pathname === '/') return response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  response.writeHead(404).end('Not Found\n');
});

server.on('upgrade', (request, socket, head) => {
  if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/ws')
    return socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.on('message', (message, isBinary) => client.send(message, { binary: isBinary }));
  });
});

function openStream(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`data: ${JSON.stringify({ version, at: new Date() })}\n\n`);
  streams.add(response);
  response.on('close', () => streams.delete(response));
}

const clock = setInterval(() => {
  for (const stream of streams) stream.write(`data: ${JSON.stringify({ version, at: new Date() })}\n\n`);
}, TICK_MS);

process.once('SIGTERM', () => {
  clearInterval(clock);
  server.close();
  for (const stream of streams) stream.end();
  for (const client of sockets.clients) client.close(GOING_AWAY, 'a new release takes over');
});

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST, () => console.log('listening'));
