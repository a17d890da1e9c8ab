// A plain node:http app. Tako starts it with PORT and HOST, probes /healthz, and stops it with SIGTERM.
import http from 'node:http';

const version = process.env.TAKO_VERSION ?? 'local';

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('x-app-version', version);
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  if (pathname === '/healthz') return response.end('ok\n');
  if (pathname !== '/') return response.writeHead(404).end('Not Found\n');
  response.end(`Hello from plain node:http, version ${version}\n`);
});

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST, () => {
  console.log(`listening on ${JSON.stringify(server.address())}`);
});

// close() refuses new connections and waits for the requests in flight; then nothing keeps the process alive.
process.once('SIGTERM', () => server.close());
