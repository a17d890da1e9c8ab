import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { checkWhole } from './body-check.ts';
import { exchange } from './http-exchange.ts';
import type { Outcome } from './outcome.ts';
import { createAgent, createTarget } from './target.ts';

const neverAborted = new AbortController().signal;

async function outcomeWith(listener: http.RequestListener, silenceMs: number): Promise<Outcome> {
  await using server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = createTarget({ url: `http://x:${(server.address() as AddressInfo).port}` });
  const agent = createAgent(target, false);
  const outcome = await exchange(target, agent, {
    path: '/',
    check: () => checkWhole(null),
    silenceMs,
    signal: neverAborted,
  });
  server.closeAllConnections();
  return outcome;
}

test('a server that says nothing, or stops in the middle, has failed after the silence allowed', async () => {
  expect(await outcomeWith(() => undefined, 30)).toMatchObject({
    kind: 'failed',
    stage: 'head',
    reason: 'silence',
  });
  const begun = await outcomeWith(
    (_request, response) => void response.writeHead(200, { 'x-app-version': 'v3' }).write('part'),
    500,
  );
  expect(begun).toMatchObject({
    kind: 'failed',
    stage: 'body',
    reason: 'silence',
    received: { status: 200, bytes: 4, version: 'v3' },
  });
});

test('progress keeps an exchange alive for longer than the silence allowed', async () => {
  const drip: http.RequestListener = (_request, response) => {
    let left = 12;
    const timer = setInterval(() => {
      response.write('x');
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      response.end();
    }, 100);
  };
  expect(await outcomeWith(drip, 1_000)).toMatchObject({ kind: 'ok', received: { bytes: 12 } });
});
