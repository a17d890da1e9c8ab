// Conformance: what the app is told about the client, what neither side may say to the other, and the request id.
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { askerOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, type LaneUnderTest } from './test-plane.ts';

const spoofed = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example.com',
  'x-forwarded-port': '444',
  'x-real-ip': '203.0.113.9',
  forwarded: 'for=203.0.113.9;proto=https',
};

export function describeHeaders(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const isHttp2 = lane.client === 'http2';
  const version = isHttp2 ? '2' : '1.1';
  describe(`headers (${lane.name})`, () => {
    test('tells the app the truth and believes nothing that a client says of itself', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      await ask({
        port: plane.port,
        headers: { ...spoofed, X_Forwarded_For: '203.0.113.9', proxy: 'http://evil' },
      });
      expect(app.seen[0]?.headers).toMatchObject({
        host: testHost,
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': testHost,
        'x-forwarded-port': String(plane.port),
        'x-real-ip': '127.0.0.1',
        forwarded: `for=127.0.0.1;host="${testHost}";proto=http`,
        via: `${version} tako`,
      });
      expect(app.seen[0]?.headers['x_forwarded_for']).toBeUndefined();
      expect(app.seen[0]?.headers['proxy']).toBeUndefined();
    });

    test('believes a trusted peer, and finds the client behind a chain of them', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { httpsRedirect: true } }],
        options: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'], httpsPort: 443 },
      });
      const answer = await ask({
        port: plane.port,
        headers: {
          ...spoofed,
          'x-forwarded-for': '198.51.100.1, 203.0.113.9, 10.1.2.3',
          via: '1.1 balancer',
        },
      });
      expect(answer.status).toBe(200);
      expect(app.seen[0]?.headers).toMatchObject({
        'x-forwarded-for': '198.51.100.1, 203.0.113.9, 10.1.2.3, 127.0.0.1',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil.example.com',
        'x-forwarded-port': '444',
        'x-real-ip': '203.0.113.9',
        via: `1.1 balancer, ${version} tako`,
      });
      expect(app.seen[0]?.headers['forwarded']).toContain('for=203.0.113.9;proto=https, for=127.0.0.1');
    });

    test('removes hop-by-hop fields and those that Connection names, both ways', async () => {
      await using app = await startApp((_message, response) => {
        response.writeHead(200, {
          Connection: 'close, X-Inner',
          'X-Inner': 'secret',
          'Keep-Alive': 'timeout=9',
          'X-Tako-Internal-Token': 'secret',
          Server: 'app',
          'Alt-Svc': 'h3=":443"',
        });
        response.end('ok');
      });
      await using seen = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [
          { instances: [instanceAt(app.port)] },
          { id: 'seen', routes: ['seen.example.com'], instances: [instanceAt(seen.port)] },
        ],
      });
      const answer = await ask({ port: plane.port });
      expect(answer.headers).toMatchObject({ server: 'app', 'alt-svc': 'h3=":443"', via: '1.1 tako' });
      for (const name of ['x-inner', 'keep-alive', 'x-tako-internal-token'])
        expect(answer.headers[name]).toBeUndefined();
      await ask({
        port: plane.port,
        host: 'seen.example.com',
        headers: {
          te: 'trailers',
          // Malformed in HTTP/2 (RFC 9113 §8.2.2).
          ...(isHttp2 ? {} : { connection: 'close, x-hop', 'x-hop': '1', 'proxy-connection': 'keep-alive' }),
          'x-tako-internal-token': 'guess',
        },
      });
      for (const name of ['x-hop', 'te', 'proxy-connection', 'x-tako-internal-token']) {
        expect(seen.seen[0]?.headers[name]).toBeUndefined();
      }
    });

    test('keeps a safe request id up to 128 characters, and makes a new one otherwise', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const idFor = async (given: string | undefined): Promise<string | undefined> => {
        const answer = await ask({
          port: plane.port,
          headers: given === undefined ? {} : { 'x-request-id': given },
        });
        expect(app.seen.at(-1)?.headers['x-request-id']).toBe(answer.headers['x-request-id']);
        return answer.headers['x-request-id'] as string | undefined;
      };
      expect(await idFor('abc-123_x.y:z')).toBe('abc-123_x.y:z');
      expect(await idFor('a'.repeat(128))).toBe('a'.repeat(128));
      expect(await idFor('a'.repeat(129))).not.toContain('aaaa');
      expect(await idFor('has "quotes"')).toMatch(/^[0-9a-f-]{36}$/);
      expect(await idFor(undefined)).toMatch(/^[0-9a-f-]{36}$/);
    });

    test('passes repeated fields one by one, and keeps the case of names where they have one', async () => {
      const sent = isHttp2 ? 'x-case' : 'X-CaSe';
      await using app = await startApp((message, response) => {
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.setHeader('X-Case', message.rawHeaders.filter((name) => name === sent).length);
        response.end();
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const answer = await ask({ port: plane.port, headers: { 'X-CaSe': ['1', '2'] } });
      expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
      expect(answer.headers['x-case']).toBe('2');
    });

    test('adds HSTS only over HTTPS, only where asked for, and not over the value of the app', async () => {
      await using app = await startApp((message, response) => {
        if (message.url === '/own') response.setHeader('Strict-Transport-Security', 'max-age=1');
        response.end();
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { hsts: true } }],
        options: { trustedProxies: ['127.0.0.1'] },
      });
      const hsts = async (path: string, proto: string): Promise<unknown> =>
        (await ask({ port: plane.port, path, headers: { 'x-forwarded-proto': proto } })).headers[
          'strict-transport-security'
        ];
      expect(await hsts('/', 'https')).toBe('max-age=31536000');
      expect(await hsts('/own', 'https')).toBe('max-age=1');
      expect(await hsts('/', 'http')).toBeUndefined();
    });
  });
}
