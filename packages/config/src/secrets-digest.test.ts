import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { secretsDigest } from './secrets-digest.ts';

it('of the empty set is the SHA-256 of nothing', () => {
  expect(secretsDigest({})).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

it('is the value that another implementation computes (Python: hashlib and struct.pack("<Q"))', () => {
  expect(secretsDigest({ B: '2', A: 'é' })).toBe(
    'bebf88a1255b8fa16b5abf6223d949a6a6b2429babafe76991bc7bab30076833',
  );
});

it('is the written formula for one pair', () => {
  const bytes = Buffer.concat([
    Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from('KEY'),
    Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from('ab'),
  ]);
  expect(secretsDigest({ KEY: 'ab' })).toBe(createHash('sha256').update(bytes).digest('hex'));
});

it('does not depend on the order of the keys', () => {
  const entries = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/), fc.string()), {
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(entries, (pairs) => {
      expect(secretsDigest(Object.fromEntries(pairs.toReversed()))).toBe(
        secretsDigest(Object.fromEntries(pairs)),
      );
    }),
  );
});

it('tells a moved boundary between name and value, and between pairs', () => {
  const digests = [{ AB: 'C' }, { A: 'BC' }, { A: 'B', C: '' }, { A: '', BC: '' }, { ABC: '' }].map(
    secretsDigest,
  );
  expect(new Set(digests).size).toBe(digests.length);
});
