import { expect, test } from 'vitest';
import { FAILURES_DESCRIBED_MAX } from './limits.ts';
import { failed, nothingReceived } from './outcome.ts';
import { Tally } from './tally.ts';

test('every unit is counted once, by kind, version and process', () => {
  const tally = new Tally();
  const received = { ...nothingReceived, bytes: 10, messages: 2, version: 'v1', pid: '7' };
  tally.begin('fresh')({ kind: 'ok', received });
  tally.begin('webSocket')({ kind: 'told', received });
  tally.begin('fresh')(failed('body', 'a wrong byte', { received }));
  tally.begin('upload');
  expect(tally.report()).toMatchObject({
    sent: 4,
    ok: 1,
    told: 1,
    failed: 1,
    byKind: {
      fresh: { sent: 2, ok: 1, failed: 1, bytes: 20, messages: 4 },
      upload: { sent: 1, ok: 0, p50Ms: null },
    },
    reasons: { 'fresh body a wrong byte': 1 },
    versions: { v1: 3 },
    pids: { '7': 3 },
  });
});

test('failures are described up to the limit, and counted beyond it', () => {
  const tally = new Tally();
  for (let count = 0; count < FAILURES_DESCRIBED_MAX; count += 1)
    tally.begin('fresh')(failed('connect', 'ECONNREFUSED'));
  expect(tally.report().failures).toHaveLength(FAILURES_DESCRIBED_MAX);
  tally.begin('fresh')(failed('connect', 'ECONNREFUSED'));
  const report = tally.report();
  expect(report.failures).toHaveLength(FAILURES_DESCRIBED_MAX);
  expect(report.reasons).toEqual({ 'fresh connect ECONNREFUSED': FAILURES_DESCRIBED_MAX + 1 });
});
