import { getEventListeners, once } from 'node:events';
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { connect } from '../client/index.ts';
import { rawRequest, startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { createRouter } from './router.ts';

const post = { method: 'POST', headers: { 'content-type': 'application/json' } };

/** The table of spec 40, "Management API". */
const specified = `
  server_info acquire_lock renew_lock release_lock unlock preflight prepare_release run_release_command deploy rollout
  revert_rollout rollback scale restart stop start delete update_secrets secrets_digest status list routes releases
  certificates audit add_certificate remove_certificate logs release_log events enter_upgrading exit_upgrading
  put_challenge pause resume maintenance cordon uncordon`;

describe('the management API', () => {
  it('has the procedures of the specification, and no other', () => {
    const names = Object.keys(createRouter(createMemoryService())._def.procedures);
    expect(names.toSorted()).toEqual(specified.trim().split(/\s+/).toSorted());
  });

  it('answers people with curl: GET without a stream, plain JSON', async () => {
    await using server = await startTestServer();
    const answer = await rawRequest(server.socketPath, { path: '/trpc/server_info' });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ result: { data: { json: { protocol: 1 } } } });
  });

  it.each([
    ['7', 'the client speaks protocol 7, the server speaks protocol 1', 'Upgrade the server'],
    ['0', 'the client speaks protocol 0, the server speaks protocol 1', 'Upgrade the tako command'],
    ['one', 'the client names no protocol, the server speaks protocol 1', 'Upgrade the tako command'],
    [undefined, 'the client names no protocol, the server speaks protocol 1', 'Upgrade the tako command'],
  ])('refuses protocol %s on every path, naming both versions', async (protocol, message, hint) => {
    await using server = await startTestServer();
    const headers: http.OutgoingHttpHeaders = {
      'content-type': 'application/json',
      'tako-protocol': protocol,
    };
    for (const [method, path] of [
      ['GET', '/trpc/server_info'],
      ['POST', '/trpc/status'],
      ['PUT', `/artifacts/${'0'.repeat(64)}`],
      ['GET', '/elsewhere'],
    ] as const) {
      const answer = await rawRequest(server.socketPath, { method, path, headers });
      expect(answer.status).toBe(412);
      expect(answer.headers['tako-protocol']).toBe('1');
      expect(JSON.parse(answer.text)).toMatchObject({
        error: {
          json: {
            data: { tako: { code: 'PROTOCOL_MISMATCH', message, hint: expect.stringContaining(hint) } },
          },
        },
      });
    }
  });

  it.each([
    [undefined, 'unknown'],
    ['%20%0a', 'unknown'],
    ['anna@laptop', 'anna@laptop'],
    ['%E2%82%AC%0Aforged: line', '€ forged: line'],
    ['100%', '100%'],
    ['x'.repeat(200), 'x'.repeat(200)],
    ['x'.repeat(201), 'x'.repeat(200)],
  ])('takes the stated caller %s as "%s"', async (stated, caller) => {
    const service = createMemoryService();
    await using server = await startTestServer({ service });
    await rawRequest(server.socketPath, {
      ...post,
      path: '/trpc/status',
      headers: { ...post.headers, 'tako-caller': stated },
      body: '{"json":{}}',
    });
    expect(service.calls.map((call) => call.caller)).toEqual([caller]);
  });

  it('takes a body of the largest size and refuses one byte more, announced or not', async () => {
    await using server = await startTestServer({ limits: { requestBytesMax: 1000 } });
    const body = (bytes: number) => `{"json":{}}${' '.repeat(bytes - 11)}`;
    const call = { ...post, path: '/trpc/status' };
    expect((await rawRequest(server.socketPath, { ...call, body: body(1000) })).status).toBe(200);
    const announced = await rawRequest(server.socketPath, { ...call, body: body(1001) });
    expect(announced.status).toBe(413);
    expect(announced.text).toContain('REQUEST_TOO_LARGE');
    const chunked = await rawRequest(server.socketPath, {
      ...call,
      headers: { ...post.headers, 'transfer-encoding': 'chunked' },
      body: body(1001),
    });
    expect(chunked.status).toBe(413);
  });

  it('answers a body far beyond the limit before it was sent, and cuts a client that goes on sending', async () => {
    await using server = await startTestServer({ limits: { requestBytesMax: 1000, uploadLingerMs: 100 } });
    const sent = http.request({
      socketPath: server.socketPath,
      path: '/trpc/status',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'tako-protocol': '1', 'content-length': 1e9 },
    });
    sent.on('error', () => undefined);
    sent.flushHeaders();
    const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
    expect(answer.statusCode).toBe(413);
    answer.resume();
    await once(sent, 'close');
  });

  it('gives up a body that does not arrive', async () => {
    await using server = await startTestServer({ limits: { requestBodyTimeoutMs: 50, uploadLingerMs: 50 } });
    const sent = http.request({
      socketPath: server.socketPath,
      path: '/trpc/status',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'tako-protocol': '1', 'content-length': 100 },
    });
    sent.on('error', () => undefined);
    sent.write('{"json"');
    const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    expect(text).toContain('TIMED_OUT');
  });

  it('handles as many calls at once as it may, refuses one more, and has the place back afterwards', async () => {
    const waiting: (() => void)[] = [];
    let arrived = Promise.withResolvers<void>();
    const service = createMemoryService({
      overrides: {
        list: () =>
          new Promise((resolve) => {
            waiting.push(() => resolve([]));
            if (waiting.length === 3) arrived.resolve();
          }),
      },
    });
    await using server = await startTestServer({ service, limits: { callsInFlightMax: 3 } });
    const list = () => rawRequest(server.socketPath, { path: '/trpc/list' });
    for (let round = 0; round < 2; round += 1) {
      const calls = [list(), list(), list()];
      await arrived.promise;
      const refused = await rawRequest(server.socketPath, { path: '/trpc/server_info' });
      expect(refused.status).toBe(503);
      expect(refused.text).toContain('SERVER_BUSY');
      for (const answer of waiting.splice(0)) answer();
      expect((await Promise.all(calls)).map((answer) => answer.status)).toEqual([200, 200, 200]);
      arrived = Promise.withResolvers();
    }
    expect((await rawRequest(server.socketPath, { path: '/trpc/server_info' })).status).toBe(200);
  });

  it('has the place back of clients that went away', async () => {
    let open = 0;
    let closed = Promise.withResolvers<void>();
    const service = createMemoryService({
      overrides: {
        list: async (_input, { signal }) => {
          open += 1;
          await once(signal, 'abort');
          open -= 1;
          if (open === 0) closed.resolve();
          return [];
        },
      },
    });
    await using server = await startTestServer({ service, limits: { callsInFlightMax: 2 } });
    for (let round = 0; round < 5; round += 1) {
      await using client = await connect({ socketPath: server.socketPath });
      const abort = new AbortController();
      const call = client.api.list.query(undefined, { signal: abort.signal }).catch(() => undefined);
      await expect.poll(() => open).toBe(1);
      abort.abort();
      await call;
      await closed.promise;
      closed = Promise.withResolvers();
    }
    expect(server.internalErrors).toEqual([]);
  });

  it('lets no stack cross the socket', async () => {
    const service = createMemoryService({
      overrides: {
        list: () => {
          throw new TypeError('thrown, not rejected');
        },
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- foreign code rejects with anything
        routes: () => Promise.reject({ secret: 'swordfish' }),
      },
    });
    await using server = await startTestServer({ service });
    for (const name of ['list', 'routes']) {
      const answer = await rawRequest(server.socketPath, { path: `/trpc/${name}` });
      expect(answer.status).toBe(500);
      expect(answer.text).toContain('INTERNAL');
      expect(answer.text).not.toMatch(/stack|swordfish|thrown|\.ts/);
    }
    expect(server.internalErrors).toHaveLength(2);
  });

  it('holds nothing of a call once it is over, however long client and server live', async () => {
    const stopping = new AbortController();
    const life = new AbortController();
    const signals: AbortSignal[] = [];
    const service = createMemoryService({
      overrides: {
        list: async (_input, { signal }) => {
          signals.push(signal);
          return await Promise.resolve([]);
        },
      },
    });
    await using server = await startTestServer({ service, signal: stopping.signal });
    await using client = await connect({ socketPath: server.socketPath, signal: life.signal });
    const listeners = () =>
      [stopping.signal, life.signal].map((signal) => getEventListeners(signal, 'abort').length);
    const before = listeners();
    for (let call = 0; call < 20; call += 1) await client.api.list.query(undefined, { signal: life.signal });
    for await (const _event of await client.api.events.query(undefined, { signal: life.signal })) break;
    await expect.poll(listeners).toEqual(before);
    expect(signals.some((signal) => signal.aborted)).toBe(false);
  });
});
