import { expect, test } from 'vitest';
import { Activity } from './activity.ts';

function report(inFlight: number, ended: number, sinceLastEndedMs: number | null) {
  return { deploymentId: 'web', inFlight, ended, sinceLastEndedMs, inFlightByInstance: { i1: inFlight } };
}

test('in flight is the sum over the planes; the newest end counts', () => {
  const activity = new Activity(() => 10_000);
  activity.report(1, [report(2, 10, 500)]);
  activity.report(2, [report(3, 10, 100)]);
  expect(activity.totals('web')).toMatchObject({ inFlight: 5, sinceLastEndedMs: 100 });
  expect(activity.instanceInFlight('web', 'i1')).toBe(5);
});

test('a plane that died takes its in-flight requests with it, not the history', () => {
  let now = 1000;
  const activity = new Activity(() => now);
  activity.report(1, [report(2, 10, 0)]);
  activity.report(2, [report(1, 5, 0)]);
  activity.forgetPlane(1);
  now = 3000;
  activity.report(2, [report(0, 25, 0)]);
  expect(activity.totals('web').inFlight).toBe(0);
  // 10 and 25 over two seconds.
  expect(activity.totals('web').requestsPerSecond).toBe(17.5);
});

test('what adopted planes did for another daemon is no traffic of now', () => {
  let now = 1000;
  const activity = new Activity(() => now);
  activity.adopted(1);
  activity.adopted(2);
  activity.report(1, [report(0, 1_000_000, 0)]);
  activity.report(2, [report(0, 1_000_000, 0)]);
  expect(activity.totals('web').requestsPerSecond).toBe(0);
  now = 3000;
  activity.report(2, [report(0, 1_000_040, 0)]);
  now = 5000;
  expect(activity.totals('web').requestsPerSecond).toBe(20);
});

test('a deployment nobody has asked for yet has no last end', () => {
  expect(new Activity().totals('web')).toEqual({ inFlight: 0, sinceLastEndedMs: null, requestsPerSecond: 0 });
});
