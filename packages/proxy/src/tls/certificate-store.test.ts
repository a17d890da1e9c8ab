import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../conformance/test-certificates.ts';
import type { DataPlaneLog } from '../data-plane.types.ts';
import { CertificateStore } from './certificate-store.ts';
import { SecureContexts } from './secure-contexts.ts';

function openStore(contextsMax: number) {
  const reports: unknown[] = [];
  const report = (facts: unknown): void => void reports.push(facts);
  const log: DataPlaneLog = { debug: report, info: report, warn: report, error: report };
  return { store: new CertificateStore(log, contextsMax), reports };
}

describe('the contexts of certificates', () => {
  test('are made once for each, kept over an update, and bounded: the longest unused one goes', async () => {
    const [a, b, c] = await Promise.all(['a.com', 'b.com', 'c.com'].map((name) => makeCertificate([name])));
    const contexts = new SecureContexts(2);
    const first = contexts.of(a!);
    const second = contexts.of(b!);
    expect(contexts.of({ ...a! })).toBe(first);
    contexts.of(c!);
    expect(contexts.size).toBe(2);
    expect(contexts.of(a!)).toBe(first);
    expect(contexts.of(b!)).not.toBe(second);
    contexts.keep([a!]);
    expect(contexts.size).toBe(1);
    expect(contexts.of(a!)).toBe(first);
  });

  test('of more names than fit are served all the same', async () => {
    const views = await Promise.all(['a.com', 'b.com', 'c.com'].map((name) => makeCertificate([name])));
    const { store, reports } = openStore(1);
    store.update(views);
    for (const name of ['a.com', 'b.com', 'c.com', 'a.com']) {
      expect(store.context(name)).not.toBeNull();
      expect(store.select(name)?.served.names).toEqual([name]);
    }
    expect(reports).toEqual([]);
  });

  test('that cannot be made lead to the next best certificate, and are reported once', async () => {
    const wildcard = await makeCertificate(['*.x.com']);
    const fallback = await makeCertificate(['default.invalid'], true);
    const broken = { ...(await makeCertificate(['a.x.com'])), privateKey: 'nonsense' };
    const { store, reports } = openStore(10);
    store.update([fallback, wildcard, broken]);
    expect(store.context('a.x.com')).toBe(store.context('b.x.com'));
    expect(store.select('a.x.com')?.view).toBe(wildcard);
    expect(store.context('a.x.com')).not.toBeNull();
    expect(reports).toMatchObject([{ names: ['a.x.com'] }]);
    store.update([{ ...fallback, privateKey: 'nonsense' }, broken]);
    expect(store.default).toBeNull();
    expect(store.context('a.x.com')).toBeNull();
    expect(store.context('none.com')).toBeNull();
  });
});
