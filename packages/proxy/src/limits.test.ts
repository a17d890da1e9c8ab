import { describe, expect, test } from 'vitest';
import { defaultLimits, shareLimits, shareOf } from './limits.ts';

describe('limits', () => {
  test('are the numbers of the contract', () => {
    expect(defaultLimits).toMatchObject({
      headLineBytesMax: 16_384,
      headBytesMax: 65_536,
      headFieldsMax: 100,
      headTimeoutMs: 30_000,
      bodyIdleTimeoutMs: 60_000,
      connectTimeoutMs: 5_000,
      responseHeadTimeoutMs: 60_000,
      tlsHandshakeTimeoutMs: 10_000,
      keepAliveTimeoutMs: 75_000,
      requestsPerConnectionMax: 10_000,
      waitingTimeoutMs: 5_000,
      wakingRequestsMax: 1_000,
      wakingBodyBytesMax: 67_108_864,
      wakingTimeoutMs: 30_000,
      requestIdCharsMax: 128,
    });
  });

  test('that hold per server are divided among the workers, queues of requests and what holds for one request are not', () => {
    const shared = shareLimits(defaultLimits, 4);
    expect(shared).toMatchObject({
      wakingRequestsMax: 1_000,
      waitingRequestsMax: 1_000,
      wakingBodyBytesMax: 16_777_216,
      parkedConnectionsMax: 1_024,
      headBytesMax: 65_536,
      wakingTimeoutMs: 30_000,
    });
    expect([shareOf(10, 3), shareOf(1, 8), shareOf(5, 0)]).toEqual([4, 1, 5]);
  });
});
