import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExposition } from '../testing/parse-exposition.ts';
import { formatExposition } from './exposition.ts';
import type { Family } from './exposition.ts';

test('writes counters, gauges and histograms as the format has them', () => {
  expect(
    formatExposition([
      {
        name: 'a_total',
        help: 'How many.',
        type: 'counter',
        samples: [{ labels: { app: 'web' }, value: 3 }],
      },
      { name: 'b', help: 'Now.', type: 'gauge', samples: [{ labels: {}, value: 0.5 }] },
      {
        name: 'c_seconds',
        help: 'How long.',
        type: 'histogram',
        bounds: [0.1, 1],
        samples: [{ labels: { app: 'web' }, buckets: [1, 0, 2], sum: 12.5 }],
      },
      { name: 'd', help: 'Nothing of it.', type: 'gauge', samples: [] },
    ]),
  ).toBe(
    [
      '# HELP a_total How many.',
      '# TYPE a_total counter',
      'a_total{app="web"} 3',
      '# HELP b Now.',
      '# TYPE b gauge',
      'b 0.5',
      '# HELP c_seconds How long.',
      '# TYPE c_seconds histogram',
      'c_seconds_bucket{app="web",le="0.1"} 1',
      'c_seconds_bucket{app="web",le="1"} 1',
      'c_seconds_bucket{app="web",le="+Inf"} 3',
      'c_seconds_sum{app="web"} 12.5',
      'c_seconds_count{app="web"} 3',
      '',
    ].join('\n'),
  );
});

test('whatever labels and numbers say, a strict reader reads back the same', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '€', '"', '\\', '\n', ',', '=', '{', '}', ' ') });
  const sample = fc.record({
    labels: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), text, { maxKeys: 3 }),
    value: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(sample, {
        minLength: 1,
        maxLength: 5,
        selector: ({ labels }) =>
          JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      }),
      (samples) => {
        const family: Family = { name: 'x', help: 'One\nor "two" \\ three.', type: 'gauge', samples };
        const read = parseExposition(formatExposition([family])).get('x');
        expect(read?.samples.map(({ labels, value }) => ({ labels, value }))).toEqual(
          samples.map(({ labels, value }) => ({ labels: { ...labels }, value: value === 0 ? 0 : value })),
        );
      },
    ),
  );
});

test.each([
  ['a series twice', '# HELP a x\n# TYPE a gauge\na 1\na 2\n'],
  ['a family twice', '# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n# TYPE a gauge\na 2\n'],
  ['a sample of another family', '# HELP a x\n# TYPE a gauge\nb 1\n'],
  ['a counter without its ending', '# HELP a x\n# TYPE a counter\na 1\n'],
  [
    'buckets that fall',
    '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  ['no last bucket', '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n'],
  ['a quote in a label', '# HELP a x\n# TYPE a gauge\na{b="c"d"} 1\n'],
  ['no last line end', '# HELP a x\n# TYPE a gauge\na 1'],
])('the reader of these tests refuses %s', (_what, text) => {
  expect(() => parseExposition(text)).toThrow(Error);
});
