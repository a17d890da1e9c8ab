import { describe, expect, it } from 'vitest';
import { runFuzzTarget } from './fuzz-target.ts';
import { fuzzTargets } from './targets.ts';

const milliseconds = 700;

describe('fuzz targets', () => {
  for (const target of fuzzTargets) {
    it(`${target.name} holds its invariants over mutated inputs`, () => {
      expect(runFuzzTarget(target, { seed: 20_260_117, milliseconds })).toBeGreaterThan(200);
    });
  }

  it('a broken recogniser would be found', () => {
    const target = {
      name: 'broken on purpose',
      corpus: [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
      check: (bytes: Buffer) => {
        if (bytes.includes(0)) throw new Error('a zero byte');
      },
    };
    expect(() => runFuzzTarget(target, { seed: 1, milliseconds: 5_000 })).toThrow(
      /broken on purpose failed, seed 1/,
    );
  });
});
