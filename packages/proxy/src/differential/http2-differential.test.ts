// The same frames to both that frame HTTP/2, us and Node's nghttp2: the apps must have received the same requests, and
// the clients answers of the same kind.
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaneUnderTest } from '../conformance/test-plane.ts';
import { comparable } from './http2-comparison.ts';
import { script, type Step } from './http2-scripts.ts';
import { Http2Side } from './http2-side.ts';

const seed = 20_261_129;
const inputs = 320;
const pairs = 8;
const ownLane: LaneUnderTest = { name: 'own', lanes: 'all', client: 'http2' };
const nodeLane: LaneUnderTest = { name: 'node', lanes: 'general', client: 'http2' };

describe('both framers of HTTP/2', () => {
  it('do the same with scripts of the grammar', { timeout: 180_000 }, async () => {
    const queue = fc.sample(script, { numRuns: inputs, seed });
    const differences: unknown[] = [];
    let compared = 0;
    const workers = Array.from({ length: pairs }, async () => {
      await using own = await Http2Side.start(ownLane);
      await using node = await Http2Side.start(nodeLane);
      const run = async (input: readonly Step[]): Promise<ReturnType<typeof comparable>> => {
        const outcomes = await Promise.all([own.run(input), node.run(input)]);
        return comparable({ script: input, own: outcomes[0], node: outcomes[1] });
      };
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        let outcomes = await run(next);
        // On a busy machine a deadline may pass on one side only: what differs must differ again, and again.
        for (let again = 0; again < 2 && outcomes !== null && !isDeepStrictEqual(...outcomes); again += 1)
          outcomes = await run(next);
        if (outcomes === null) continue;
        compared += 1;
        if (isDeepStrictEqual(...outcomes)) continue;
        differences.push({ input: next.map(({ label }) => label), own: outcomes[0], node: outcomes[1] });
      }
    });
    await Promise.all(workers);
    expect(differences).toEqual([]);
    // Enough of them are no error of their connection.
    expect(compared).toBeGreaterThan(inputs / 4);
  });
});
