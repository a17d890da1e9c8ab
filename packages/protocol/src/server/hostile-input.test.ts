// Whatever comes over the socket, the answer is an error of the caller, never INTERNAL, and the server goes on.
import { once } from 'node:events';
import http from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawRequest, startTestServer, type TestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { createRouter } from './router.ts';

const procedures = Object.entries(createRouter(createMemoryService())._def.procedures);
const names = procedures.map(([name]) => name);

const junkText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '../../etc/passwd',
    '..',
    '.',
    '',
    '\0',
    'a'.repeat(70_000),
    '__proto__',
    'constructor',
    "'; DROP TABLE leases; --",
    'web@production',
    '\u202e',
    '\ud800',
    '%00',
    '${jndi:ldap://x}',
  ),
);
const junk = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.anything({ maxDepth: 3, withBigInt: false, withDate: true, withNullPrototype: true }),
  },
  { weight: 3, arbitrary: junkText },
  {
    weight: 4,
    arbitrary: fc.dictionary(
      fc.constantFrom(
        'deploymentId',
        'token',
        'version',
        'routes',
        'secrets',
        'manifest',
        'holder',
        'instances',
        'owner',
        '__proto__',
        'sha256',
        'sizeBytes',
        'rolloutId',
        'limit',
        'host',
      ),
      fc.oneof(
        junkText,
        fc.integer(),
        fc.double(),
        fc.constant(null),
        fc.array(junkText, { maxLength: 3 }),
        fc.object({ maxDepth: 2 }),
        fc.constantFrom('web', 'v1'),
      ),
    ),
  },
);
/** superjson's own meta, made up. */
const junkMeta = fc.oneof(
  fc.constant(undefined),
  fc.anything({ maxDepth: 2 }),
  fc.record({ values: fc.anything({ maxDepth: 2 }), referentialEqualities: fc.anything({ maxDepth: 2 }) }),
  fc.constantFrom(
    { values: { '__proto__.polluted': ['Date'] } },
    { values: { 'constructor.prototype.polluted': ['undefined'] } },
    { referentialEqualities: { a: ['__proto__.polluted'] } },
    { values: [['regexp']] },
    { values: [['custom', 'Buffer']] },
    { values: [['class', 'Server']] },
    { values: [['map', 'set', 'bigint']] },
  ),
);

interface Call {
  readonly name: string;
  readonly input: string;
  /** As the client calls: batch of one, answered line by line. */
  readonly streamed: boolean;
}

/** The code in the answer, `ok` without one. A stream that goes on is left after its first event. */
async function codeOf(server: TestServer, { name, input, streamed }: Call): Promise<string> {
  const text = await answerTo(server, {
    path: streamed ? `/trpc/${name}?batch=1` : `/trpc/${name}`,
    headers: {
      'content-type': 'application/json',
      ...(streamed ? { 'trpc-accept': 'application/jsonl' } : {}),
    },
    body: streamed ? `{"0":${input}}` : input,
  });
  const code = /"tako":\{"code":"([A-Z_]+)"/.exec(text)?.[1];
  if (code !== undefined) return code;
  return text.includes('"result"') ? 'ok' : `unreadable: ${text.slice(0, 500)}`;
}

async function answerTo(
  server: TestServer,
  { path, headers, body }: { path: string; headers: http.OutgoingHttpHeaders; body: string },
): Promise<string> {
  const sent = http.request({
    socketPath: server.socketPath,
    method: 'POST',
    path,
    headers: { ...headers, 'tako-protocol': '1' },
    agent: false,
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk);
    if (text.split('\n').length > 4) break;
  }
  return text;
}

/** INVALID_INPUT is also what a stream procedure answers when it is called without asking for a stream. */
const blameless = new Set([
  'ok',
  'INVALID_INPUT',
  'LOCK_LOST',
  'APP_NOT_FOUND',
  'ROLLOUT_NOT_FOUND',
  'CERTIFICATE_INVALID',
  'CERTIFICATE_NOT_FOUND',
]);

describe('hostile input', () => {
  it.each(names)('%s never fails for a reason that Tako did not foresee', async (name) => {
    await using server = await startTestServer();
    await fc.assert(
      fc.asyncProperty(junk, junkMeta, fc.boolean(), async (json, meta, streamed) => {
        const body = JSON.stringify({ json, meta });
        const code = await codeOf(server, { name, input: body, streamed });
        expect(blameless, `${body} → ${code}`).toContain(code);
      }),
      {
        numRuns: 25,
        examples: [
          [undefined, undefined, true],
          [{}, undefined, true],
          [null, undefined, false],
          [[], { values: ['undefined'] }, true],
        ],
      },
    );
    expect(server.internalErrors).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '"x"'],
    ['nothing', ''],
    ['a deep nest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a deep nest inside', `{"json":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`],
    // zod compares the length of anything that has one, before it knows that it is no list or text.
    ['a length that cannot be compared', '{"json":{"deploymentId":{"length":{"toString":0,"valueOf":0}}}}'],
    ['invalid UTF-8 and NUL', '\ufffd\0'],
  ])('a body that is %s is INVALID_INPUT', async (_what, body) => {
    await using server = await startTestServer();
    expect(await codeOf(server, { name: 'status', input: body, streamed: false })).toBe('INVALID_INPUT');
    expect(server.internalErrors).toEqual([]);
  });

  it.each([
    ['GET', '/', 400],
    ['GET', '/trpc/', 400],
    ['GET', '/trpc/a/b', 400],
    ['GET', '/trpc/list,list?batch=1', 400],
    ['GET', '/trpc/%00', 400],
    ['GET', '/trpc/../artifacts', 400],
    ['GET', '/artifacts/../../etc/passwd', 400],
    ['PUT', '/trpc/list', 400],
    ['DELETE', '/trpc/list', 400],
    ['OPTIONS', '*', 400],
    ['GET', '/trpc/cordon', 400],
    ['GET', '/trpc/nothing_of_that_name', 503],
    ['GET', '/trpc/__proto__', 503],
    ['GET', '/trpc/constructor', 503],
    ['GET', '/trpc/status?input=%7B', 400],
    ['GET', `/trpc/status?input=${'a'.repeat(8000)}`, 400],
  ])('%s %s is told so', async (method, path, status) => {
    await using server = await startTestServer();
    const answer = await rawRequest(server.socketPath, { method, path });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { json: { data: { tako: { code: expect.stringMatching(/^[A-Z_]+$/) } } } },
    });
    expect(server.internalErrors).toEqual([]);
  });

  it.each([
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    '',
  ])('a body of type "%s" is refused', async (type) => {
    await using server = await startTestServer();
    const answer = await rawRequest(server.socketPath, {
      method: 'POST',
      path: '/trpc/status',
      headers: { 'content-type': type },
      body: '{"json":{}}',
    });
    expect(answer.text).toContain('INVALID_INPUT');
  });

  it.each(['tako.example', 'a b', '[', 'x:99999', '\u00ff'])(
    'a Host header of "%s" does no harm',
    async (host) => {
      await using server = await startTestServer();
      const answer = await rawRequest(server.socketPath, { path: '/trpc/list', headers: { host } });
      expect([200, 400]).toContain(answer.status);
      expect(server.internalErrors).toEqual([]);
    },
  );
});
