import { expect, test } from 'vitest';
import { MetricsTotals, savedMetricsSchema } from './metrics-totals.ts';

const gauges = { connectionsOpen: 2, connectionsParked: 0 };
const counters = {
  connectionsAccepted: 3,
  connectionsRefused: 0,
  handshakesFull: 0,
  handshakesResumed: 0,
  handshakesFailed: 0,
  proxyHeadersRefused: 0,
  accessLogDropped: 0,
};
const histogram = (count: number) => ({ buckets: [count, 0], sumMs: count });
const metricsOf = (deploymentId: string, count: number) => ({
  deploymentId,
  requests: { 200: count },
  duration: histogram(count),
  upstream: histogram(count),
});

test('a cold start counts by result; only one that succeeded has a duration', () => {
  const totals = new MetricsTotals();
  totals.coldStart('web', 'started', 700);
  totals.coldStart('web', 'started', 90_000);
  totals.coldStart('web', 'failed', 5);
  expect(totals.deployment('web').under('coldStarts.')).toEqual([
    ['started', 2],
    ['failed', 1],
  ]);
  const { buckets, sum } = totals.histogram('web', 'coldStart', {}) ?? { buckets: [], sum: 0 };
  expect([buckets[9], buckets.at(-1), sum]).toEqual([1, 1, 90.7]);
});

test('what is open now is that of the planes that live', () => {
  const totals = new MetricsTotals();
  totals.report(1, { counters, gauges, deployments: [] });
  totals.report(2, { counters, gauges, deployments: [] });
  totals.forgetPlane(1);
  expect(totals.gauges.connectionsOpen).toBe(2);
  expect(totals.server.get('connectionsAccepted')).toBe(6);
});

test('deleted apps leave, requests of no app stay', () => {
  const totals = new MetricsTotals();
  totals.report(1, {
    counters,
    gauges,
    deployments: [metricsOf('', 1), metricsOf('web', 2), metricsOf('old', 3)],
  });
  totals.keepOnly(new Set(['web']));
  expect(totals.deploymentIds).toEqual(['', 'web']);
});

test('what is saved is read back and counted on', () => {
  const first = new MetricsTotals();
  first.report(1, { counters, gauges, deployments: [metricsOf('web', 5)] });
  const saved = savedMetricsSchema.parse(JSON.parse(JSON.stringify(first.saved)));
  const second = new MetricsTotals(saved, new Set([1]));
  second.report(1, { counters, gauges, deployments: [metricsOf('web', 7)] });
  expect(second.deployment('web').get('requests.200')).toBe(7);
  expect(second.histogram('web', 'duration', { app: 'web' })).toMatchObject({
    sum: 0.007,
    labels: { app: 'web' },
  });
  expect(second.server.get('connectionsAccepted')).toBe(3);
});
