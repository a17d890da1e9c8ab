// The app. It reads what the build step made, relative to its own directory, wherever the repository lies.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { escapeHtml, layout } from '@monorepo/ui';

const appDir = path.resolve(import.meta.dirname, '..');
const manifest = JSON.parse(fs.readFileSync(path.join(appDir, 'dist/manifest.json'), 'utf8')) as {
  stylesheet: string;
};
const version = process.env['TAKO_VERSION'] ?? 'local';
const greeting = process.env['GREETING'] ?? 'Hello';

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('x-app-version', version);
  if (pathname === '/') {
    const body = `<p>Version ${escapeHtml(version)}, run in ${escapeHtml(path.basename(process.cwd()))}</p>`;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    return response.end(layout({ title: greeting, stylesheet: manifest.stylesheet, body }));
  }
  // Where Tako does not serve public/ before the app is asked.
  if (pathname === manifest.stylesheet) {
    response.setHeader('content-type', 'text/css; charset=utf-8');
    return response.end(fs.readFileSync(path.join(appDir, 'dist/public', manifest.stylesheet)));
  }
  return response.writeHead(404).end('Not Found\n');
});

server.listen(Number(process.env['PORT'] ?? 3000), process.env['HOST'], () => console.log('listening'));
process.once('SIGTERM', () => server.close());
