// The whole app: a page, an API and a slow endpoint. Tako calls fetch() for each request.
import { setTimeout as sleep } from 'node:timers/promises';
import { tako } from '@tako/sdk';
import { renderPage } from './page.ts';

const SLOW_MS_MAX = 20_000;
/** Shown on the page: change it and deploy again to see the new release. */
const GREETING = 'Hello from Tako';

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response('Method Not Allowed\n', { status: 405 });
  switch (url.pathname) {
    case '/':
      return new Response(renderPage(GREETING, tako), {
        headers: { 'content-type': 'text/html; charset=utf-8' },
      });
    case '/api/hello':
      return Response.json({
        hello: url.searchParams.get('name') ?? 'world',
        greeting: GREETING,
        version: tako.version,
        instance: tako.instance,
      });
    case '/api/slow': {
      const ms = Math.min(SLOW_MS_MAX, Math.max(0, Number(url.searchParams.get('ms') ?? 1000) || 0));
      await sleep(ms, undefined, { signal: request.signal });
      return Response.json({ waitedMs: ms, version: tako.version });
    }
    default:
      return new Response('Not Found\n', { status: 404 });
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    const response = await answer(request);
    response.headers.set('x-app-version', tako.version ?? 'local');
    return response;
  },
};
