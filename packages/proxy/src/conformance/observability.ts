// Conformance: what is counted about requests is the same whichever lane served them, and what a trace says of itself
// goes through untouched.
import { describe, expect, test } from 'vitest';
import type { DeploymentMetrics } from '../control/messages.ts';
import { startApp } from './test-app.ts';
import { askerOf } from './test-client.ts';
import { instanceAt, startPlane, type LaneUnderTest, type TestPlane } from './test-plane.ts';

const total = (buckets: readonly number[]): number => buckets.reduce((sum, count) => sum + count, 0);

/** The newest totals of that deployment with so many requests. */
async function metricsOf(plane: TestPlane, id: string, requests: number): Promise<DeploymentMetrics> {
  const { metrics } = await plane.hears('metrics', (message) =>
    message.metrics.deployments.some(
      (each) => each.deploymentId === id && total(Object.values(each.requests)) === requests,
    ),
  );
  const found = metrics.deployments.find((each) => each.deploymentId === id);
  if (found === undefined) throw new Error('It was there a moment ago');
  return found;
}

export function describeObservability(lane: LaneUnderTest): void {
  const ask = askerOf(lane);

  describe(`observability (${lane.name})`, () => {
    test('counts requests by status, with their durations and those of the app', async () => {
      await using app = await startApp((message, response) => {
        response.writeHead(message.url === '/missing' ? 404 : 200).end('said');
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { metricsIntervalMs: 5 } },
      });
      for (const path of ['/', '/', '/missing']) await ask({ port: plane.port, path });
      await ask({ port: plane.port, host: 'nobody.example.org' });
      const ofApp = await metricsOf(plane, 'app', 3);
      expect(ofApp.requests).toEqual({ 200: 2, 404: 1 });
      expect(total(ofApp.duration.buckets)).toBe(3);
      expect(total(ofApp.upstream.buckets)).toBe(3);
      expect(ofApp.duration.sumMs).toBeGreaterThanOrEqual(ofApp.upstream.sumMs);
      const ofNobody = await metricsOf(plane, '', 1);
      expect(ofNobody.requests).toEqual({ 404: 1 });
      expect(total(ofNobody.upstream.buckets)).toBe(0);
      const { metrics } = await plane.hears(
        'metrics',
        ({ metrics: { counters, gauges } }) =>
          counters.connectionsAccepted === 4 && gauges.connectionsOpen === 0,
      );
      expect(metrics.counters.connectionsRefused).toBe(0);
    });

    test('counts an event stream among the requests, not among the durations', async () => {
      await using app = await startApp((_message, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n');
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { metricsIntervalMs: 5 } },
      });
      await ask({ port: plane.port });
      const ofApp = await metricsOf(plane, 'app', 1);
      expect(ofApp.requests).toEqual({ 200: 1 });
      expect(total(ofApp.duration.buckets)).toBe(0);
      expect(total(ofApp.upstream.buckets)).toBe(1);
    });

    test('tells everything anew after a snapshot, and nothing while nothing happens', async () => {
      await using app = await startApp();
      const deployments = [{ instances: [instanceAt(app.port)] }];
      await using plane = await startPlane(lane, {
        deployments,
        options: { limits: { metricsIntervalMs: 5 } },
      });
      await ask({ port: plane.port });
      await metricsOf(plane, 'app', 1);
      await plane.hears('metrics', (message) => message.metrics.gauges.connectionsOpen === 0);
      const before = plane.messages.length;
      plane.snapshot({ deployments });
      plane.messages.splice(0, before);
      expect((await metricsOf(plane, 'app', 1)).requests).toEqual({ 200: 1 });
    });

    test('passes trace context on as it came, and invents no Alt-Svc', async () => {
      const seen: (string | undefined)[][] = [];
      await using app = await startApp((message, response) => {
        const { rawHeaders } = message;
        const valuesOf = (name: string): (string | undefined)[] =>
          rawHeaders.filter(
            (_text, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
          );
        seen.push(valuesOf('traceparent'), valuesOf('tracestate'));
        response.writeHead(200, message.url === '/own' ? { 'alt-svc': 'h3=":8443"; ma=60' } : {}).end();
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const tracestate = 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE';
      const plain = await ask({ port: plane.port, headers: { traceparent, tracestate } });
      expect(seen).toEqual([[traceparent], [tracestate]]);
      expect(plain.headers['alt-svc']).toBeUndefined();
      expect((await ask({ port: plane.port, path: '/own' })).headers['alt-svc']).toBe('h3=":8443"; ma=60');
      // Nobody asked for a trace: none begins here.
      expect(seen.slice(2)).toEqual([[], []]);
    });
  });
}
