// Conformance: what a deployment's traffic says (stopped, maintenance, paused, on demand), cold starts, balancing,
// and the counts that the control process is told.
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { askerOf, type Answer } from './test-client.ts';
import { instanceAt, startPlane, until, type LaneUnderTest } from './test-plane.ts';

export function describeTraffic(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  describe(`traffic (${lane.name})`, () => {
    test('answers 503 at once where stopped or under maintenance', async () => {
      await using plane = await startPlane(lane, {
        deployments: [
          { id: 'stopped', routes: ['stopped.example.com'], traffic: { kind: 'stopped' } },
          { id: 'kept', routes: ['kept.example.com'], traffic: { kind: 'maintenance' } },
        ],
      });
      for (const host of ['stopped.example.com', 'kept.example.com']) {
        const answer = await ask({ port: plane.port, host });
        expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
      }
    });

    test('holds requests during a pause and lets them go on at its end, or answers 503 at its bound', async () => {
      await using app = await startApp();
      const instances = [instanceAt(app.port)];
      await using plane = await startPlane(lane, {
        deployments: [{ instances, traffic: { kind: 'paused', maxMs: 10_000 } }],
      });
      const held = ask({ port: plane.port });
      await until(() => plane.plane.inspect().requests.waiting === 1);
      expect(app.seen).toHaveLength(0);
      plane.change([{ instances }]);
      expect((await held).status).toBe(200);
      plane.change([{ instances, traffic: { kind: 'paused', maxMs: 150 } }]);
      expect((await ask({ port: plane.port })).status).toBe(503);
    });

    test('wakes once however many wait, and serves all of them when the instance is there', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ traffic: { kind: 'onDemand' } }] });
      const held = Array.from({ length: 100 }, () => ask({ port: plane.port }));
      await until(() => plane.plane.inspect().requests.waiting === 100);
      expect(plane.said('wake')).toEqual([{ type: 'wake', deploymentId: 'app' }]);
      plane.change([{ traffic: { kind: 'onDemand' }, instances: [instanceAt(app.port)] }]);
      expect((await Promise.all(held)).every((answer) => answer.status === 200)).toBe(true);
      expect(plane.said('wake')).toHaveLength(1);
    });

    test('answers 502 to all who wait when the start failed, and wakes anew for the next', async () => {
      await using plane = await startPlane(lane, { deployments: [{ traffic: { kind: 'onDemand' } }] });
      const held = [ask({ port: plane.port }), ask({ port: plane.port })];
      await until(() => plane.plane.inspect().requests.waiting === 2);
      plane.plane.receive({ type: 'wakeFailed', deploymentId: 'app', reason: 'exited with 1' });
      const answers = await Promise.all(held);
      expect(answers.map((answer) => answer.status)).toEqual([502, 502]);
      expect(answers[0]?.body).not.toContain('exited');
      const next = ask({ port: plane.port });
      await until(() => plane.said('wake').length === 2);
      plane.plane.receive({ type: 'wakeFailed', deploymentId: 'app', reason: 'again' });
      expect((await next).status).toBe(502);
    });

    test('answers 504 when the start takes too long, then wakes anew', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ traffic: { kind: 'onDemand' } }],
        options: { limits: { wakingTimeoutMs: 150 } },
      });
      expect((await ask({ port: plane.port })).status).toBe(504);
      await until(() => plane.plane.inspect().requests.waiting === 0);
      expect((await ask({ port: plane.port })).status).toBe(504);
      expect(plane.said('wake')).toHaveLength(2);
    });

    test('answers 503 past the number of waiters or the bytes of their bodies', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ traffic: { kind: 'onDemand' } }],
        options: { limits: { wakingRequestsMax: 3, wakingBodyBytesMax: 10, wakingTimeoutMs: 5_000 } },
      });
      const post = (body: string): Promise<Answer> => ask({ port: plane.port, method: 'POST', body });
      const held = [post('123456')];
      await until(() => plane.plane.inspect().requests.waiting === 1);
      expect((await post('12345')).status).toBe(503);
      held.push(post('1234'), ask({ port: plane.port }));
      await until(() => plane.plane.inspect().requests.waiting === 3);
      expect((await ask({ port: plane.port })).status).toBe(503);
      plane.plane.receive({ type: 'wakeFailed', deploymentId: 'app', reason: 'enough' });
      expect((await Promise.all(held)).map((answer) => answer.status)).toEqual([502, 502, 502]);
    });

    test('keeps who waits through the loss of the control process, and tells the next one of them', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ traffic: { kind: 'onDemand' } }] });
      const held = ask({ port: plane.port });
      await until(() => plane.said('wake').length === 1);
      plane.snapshot({ deployments: [{ traffic: { kind: 'onDemand' } }] });
      expect(plane.said('wake')).toHaveLength(2);
      plane.change([{ traffic: { kind: 'serving' }, instances: [instanceAt(app.port)] }]);
      expect((await held).status).toBe(200);
    });

    test('spreads requests over healthy instances, and uses suspect ones only when nobody is healthy', async () => {
      await using one = await startApp();
      await using two = await startApp();
      await using doubtful = await startApp();
      const suspect = instanceAt(doubtful.port, 'suspect', 'suspect');
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(one.port), instanceAt(two.port), suspect] }],
      });
      for (let turn = 0; turn < 10; turn += 1) await ask({ port: plane.port });
      expect([one.seen.length, two.seen.length, doubtful.seen.length]).toEqual([5, 5, 0]);
      plane.change([{ instances: [instanceAt(one.port, `i-${one.port}`, 'draining'), suspect] }]);
      expect((await ask({ port: plane.port })).status).toBe(200);
      expect(doubtful.seen).toHaveLength(1);
    });

    test('brings a client with the cookie back to its instance', async () => {
      await using one = await startApp();
      await using two = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [
          { policy: { affinity: 'cookie' }, instances: [instanceAt(one.port), instanceAt(two.port)] },
        ],
      });
      const first = await ask({ port: plane.port });
      const cookie = first.headers['set-cookie']?.[0] ?? '';
      expect(cookie).toMatch(/^tako_affinity=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
      for (let turn = 0; turn < 5; turn += 1) {
        const again = await ask({ port: plane.port, headers: { cookie: cookie.split(';')[0] ?? '' } });
        expect(again.headers['set-cookie']).toBeUndefined();
      }
      expect(new Set([one.seen.length, two.seen.length])).toEqual(new Set([0, 6]));
    });

    test('refuses a client with too many requests in flight, and takes it again after one has ended', async () => {
      const finish: (() => void)[] = [];
      await using app = await startApp((_message, response) => void finish.push(() => response.end('ok')));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { requestsPerClientMax: 2 } }],
      });
      const under = [ask({ port: plane.port }), ask({ port: plane.port })];
      await until(() => finish.length === 2);
      const refused = await ask({ port: plane.port });
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
      for (const end of finish.splice(0)) end();
      await Promise.all(under);
      await until(() => plane.plane.inspect().requests.clients === 0);
      const next = ask({ port: plane.port });
      await until(() => finish.length === 1);
      finish[0]?.();
      expect((await next).status).toBe(200);
    });

    test('tells what is in flight, held requests included, and when the last one ended', async () => {
      const finish: (() => void)[] = [];
      await using app = await startApp((_message, response) => void finish.push(() => response.end('ok')));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
        options: { limits: { activityIntervalMs: 20 } },
      });
      const under = ask({ port: plane.port });
      await until(() => finish.length === 1);
      const busy = await plane.hears('activity');
      expect(busy.activity).toEqual([
        {
          deploymentId: 'app',
          inFlight: 1,
          ended: 0,
          sinceLastEndedMs: null,
          inFlightByInstance: { one: 1 },
        },
      ]);
      finish[0]?.();
      await under;
      const idle = await plane.hears('activity', (message) => message.activity[0]?.inFlight === 0);
      expect(idle.activity[0]).toMatchObject({ ended: 1, inFlightByInstance: { one: 0 } });
      expect(idle.activity[0]?.sinceLastEndedMs).toBeGreaterThanOrEqual(0);
    });

    test('asks for a whole snapshot when a delta does not fit', async () => {
      await using plane = await startPlane(lane, { deployments: [] });
      plane.plane.receive({ type: 'delta', delta: { base: 7, version: 8, deployments: [], removed: [] } });
      expect(await plane.hears('resync')).toEqual({ type: 'resync', have: 1 });
      expect(plane.said('acknowledged')).toEqual([{ type: 'acknowledged', version: 1 }]);
    });
  });
}
