// Serves the files of `public/` beside it, for sites whose build makes files and no server. A program of its own: it is
// copied into the artifact, so it imports nothing but Node. Knows only files that were there when it started.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';

interface SiteFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly type: string;
  readonly cacheControl: string;
  etag: string | null;
}

/** By the path that asks for them, decoded, with its leading slash. */
type Site = ReadonlyMap<string, SiteFile>;

const types: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.xml': 'application/xml',
};

/** `index-DLWo648g.js`: another content is another name. */
const hashedName = /[.-][\w-]{8,}\.\w+$/;

function cacheControl(name: string): string {
  if (name.endsWith('.html')) return 'no-cache';
  return name.includes('/assets/') && hashedName.test(name)
    ? 'public, max-age=31536000, immutable'
    : 'public, max-age=3600';
}

async function readSite(directory: string): Promise<Site> {
  const site = new Map<string, SiteFile>();
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  // Links are not followed: what is served is what lies in the folder.
  for (const entry of found.filter((candidate) => candidate.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    const name = `/${path.relative(directory, file).split(path.sep).join('/')}`;
    const type = types[path.extname(name).toLowerCase()] ?? 'application/octet-stream';
    const { size: sizeBytes } = await stat(file);
    site.set(name, { file, sizeBytes, type, cacheControl: cacheControl(name), etag: null });
  }
  return site;
}

/** The file itself, a folder's index, a page without its ending; any other page is the site's own router's to show. */
function findFile(site: Site, pathname: string): SiteFile | null {
  const candidates = pathname.endsWith('/')
    ? [`${pathname}index.html`]
    : [pathname, `${pathname}.html`, `${pathname}/index.html`];
  for (const candidate of candidates) {
    const file = site.get(candidate);
    if (file !== undefined) return file;
  }
  const isPage = path.posix.extname(pathname) === '' || pathname.endsWith('.html');
  return isPage ? (site.get('/index.html') ?? null) : null;
}

function pathOf(url: string): string | null {
  try {
    return decodeURIComponent(url.split('?', 1)[0] ?? '/');
  } catch {
    // Not UTF-8 (RFC 3986 §2.5): no file has such a name.
    return null;
  }
}

/** Strong, and made once: the files of a release do not change. */
function etagOf(file: SiteFile): string {
  file.etag ??= `"${createHash('sha256').update(readFileSync(file.file)).digest('base64url').slice(0, 22)}"`;
  return file.etag;
}

/** One range (RFC 9110 §14.2), which is what players ask for; null: all of it. */
function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | null | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const start = match[1] === '' ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  return start < sizeBytes && start <= end ? { start, end } : 'unsatisfiable';
}

async function answer(
  site: Site,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const pathname = pathOf(request.url ?? '/');
  const file = pathname === null ? null : findFile(site, pathname);
  if (file === null) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n');
    return;
  }
  const etag = etagOf(file);
  const common = { etag, 'cache-control': file.cacheControl, 'accept-ranges': 'bytes' };
  if (
    request.headers['if-none-match']?.split(/\s*,\s*/).some((tag) => tag.replace(/^W\//, '') === etag) ===
    true
  ) {
    response.writeHead(304, common).end();
    return;
  }
  const ifRange = request.headers['if-range'];
  const wanted = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
  const range = rangeOf(wanted, file.sizeBytes);
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${file.sizeBytes}` }).end();
    return;
  }
  const length = range === null ? file.sizeBytes : range.end - range.start + 1;
  response.writeHead(range === null ? 200 : 206, {
    ...common,
    'content-type': file.type,
    'content-length': length,
    ...(range === null ? {} : { 'content-range': `bytes ${range.start}-${range.end}/${file.sizeBytes}` }),
  });
  if (request.method === 'HEAD' || length === 0) response.end();
  else await pipeline(createReadStream(file.file, range ?? {}), response);
}

const directory = path.join(import.meta.dirname, 'public');
const site = await readSite(directory);
const server = http.createServer((request, response) => {
  answer(site, request, response).catch((error: unknown) => {
    // A client that went away in the middle; anything else is told.
    if (!response.destroyed) process.stderr.write(`${String(error)}\n`);
    response.destroy();
  });
});
server.listen(Number(process.env['PORT'] ?? 3000), process.env['HOST'] ?? '127.0.0.1', () => {
  process.stdout.write(`serving ${site.size} files\n`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
