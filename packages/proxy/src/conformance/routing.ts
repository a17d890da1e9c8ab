// Conformance: which deployment answers, and who is told that nobody does.
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { askerOf, headOf, RawClient, statusOf, http1TestOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, type LaneUnderTest } from './test-plane.ts';

export function describeRouting(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  describe(`routing (${lane.name})`, () => {
    test('finds the app by host in any case, with port and trailing dot', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      for (const host of [testHost, 'APP.Example.COM', `${testHost}:8080`, `${testHost}.`]) {
        expect([host, (await ask({ port: plane.port, host })).status]).toEqual([host, 200]);
      }
      expect(app.seen.map((seen) => seen.headers.host)).toEqual([
        testHost,
        'APP.Example.COM',
        `${testHost}:8080`,
        `${testHost}.`,
      ]);
    });

    test('answers 404 for an unknown host on HTTP, never a redirect, and shows nothing of what is inside', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ policy: { httpsRedirect: true } }],
        options: { httpsPort: 443 },
      });
      const answer = await ask({
        port: plane.port,
        host: 'nobody.example.org',
        headers: { accept: 'application/json' },
      });
      expect(answer.status).toBe(404);
      expect(answer.headers['location']).toBeUndefined();
      expect(JSON.parse(answer.body)).toMatchObject({
        error: { status: 404, requestId: answer.headers['x-request-id'] },
      });
    });

    test('answers 404 for the internal host from outside, even where a wildcard would match', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      expect((await ask({ port: plane.port, host: 'tako-internal' })).status).toBe(404);
      expect(app.seen).toHaveLength(0);
    });

    http1('sends path routes of one host to their own apps', async () => {
      await using web = await startApp();
      await using api = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [
          { id: 'web', instances: [instanceAt(web.port)] },
          { id: 'api', routes: [`${testHost}/api/*`], instances: [instanceAt(api.port)] },
        ],
      });
      await ask({ port: plane.port, path: '/api/users?x=1' });
      await ask({ port: plane.port, path: '/apis' });
      expect(api.seen.map((seen) => seen.url)).toEqual(['/api/users?x=1']);
      expect(web.seen.map((seen) => seen.url)).toEqual(['/apis']);
    });

    test.each(['/../x', '/a/%2e%2e/b', '/a%2fb', '/a%00b', '/a%zz', '/a\\b', '/a/./b'])(
      'refuses the path %s with 400 before any app sees it',
      async (path) => {
        await using app = await startApp();
        await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
        using client = await RawClient.open(plane.port);
        client.send(headOf(`GET ${path} HTTP/1.1`, `Host: ${testHost}`));
        expect(statusOf(await client.ends())).toBe(400);
        expect(app.accepted).toBe(0);
      },
    );

    http1('takes the authority of an absolute-form target over Host, for everybody', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf(`GET http://${testHost}/x?y HTTP/1.1`, 'Host: other.example.com', 'Connection: close'),
      );
      expect(statusOf(await client.ends())).toBe(200);
      expect(app.seen[0]?.url).toBe('/x?y');
      expect(app.seen[0]?.headers.host).toBe(testHost);
      expect(app.seen[0]?.rawHeaders.filter((name) => name.toLowerCase() === 'host')).toHaveLength(1);
    });

    test('follows a route that moves to another deployment in one delta', async () => {
      await using one = await startApp();
      await using two = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ id: 'one', instances: [instanceAt(one.port)] }],
      });
      await ask({ port: plane.port });
      plane.change([{ id: 'two', instances: [instanceAt(two.port)] }], ['one']);
      await ask({ port: plane.port });
      expect([one.seen.length, two.seen.length]).toEqual([1, 1]);
    });
  });
}
