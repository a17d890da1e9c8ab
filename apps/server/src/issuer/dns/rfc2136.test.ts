// DNS UPDATE against a real BIND.
import { isTakoError } from '@tako/config';
import { describe, expect, it } from 'vitest';
import { hasNamed, startNamed } from '../testing/named.ts';
import type { Named } from '../testing/named.ts';
import { createRfc2136 } from './rfc2136.ts';

const signal = new AbortController().signal;

function credentialsFor(named: Named, over: Record<string, string> = {}) {
  return {
    RFC2136_SERVER: `127.0.0.1:${named.port}`,
    RFC2136_TSIG_NAME: named.keyName,
    RFC2136_TSIG_SECRET: named.secret,
    ...over,
  };
}

describe.skipIf(!hasNamed)('rfc2136, with BIND', () => {
  it('adds a value beside those that are there, and takes only its own away', async () => {
    await using named = await startNamed({ 'example.com': '' });
    const provider = createRfc2136(credentialsFor(named), Date.now);
    const name = '_acme-challenge.example.com';
    await provider.add({ name, value: 'one' }, signal);
    await provider.add({ name, value: 'two' }, signal);
    expect((await named.texts(name)).toSorted((a, b) => a.localeCompare(b))).toEqual(['one', 'two']);
    await provider.add({ name, value: 'two' }, signal);
    await provider.remove({ name, value: 'one' }, signal);
    expect(await named.texts(name)).toEqual(['two']);
    await provider.remove({ name, value: 'two' }, signal);
    await provider.remove({ name, value: 'two' }, signal);
    expect(await named.texts(name)).toEqual([]);
  });

  it('finds the zone of a name by itself, the deepest one', async () => {
    await using named = await startNamed({ 'example.com': '', 'dev.example.com': '' });
    const provider = createRfc2136(credentialsFor(named), Date.now);
    await provider.add({ name: '_acme-challenge.a.b.dev.example.com', value: 'deep' }, signal);
    expect(await named.texts('_acme-challenge.a.b.dev.example.com')).toEqual(['deep']);
    expect(named.output).toContain("updating zone 'dev.example.com/IN'");
    await expect(provider.add({ name: '_acme-challenge.elsewhere.net', value: 'x' }, signal)).rejects.toThrow(
      /no zone for _acme-challenge.elsewhere.net \(REFUSED\)/,
    );
  });

  it.each(['hmac-sha256', 'hmac-sha384', 'hmac-sha512'])('signs with %s', async (algorithm) => {
    await using named = await startNamed({ 'example.com': '' }, { algorithm });
    const provider = createRfc2136(credentialsFor(named, { RFC2136_TSIG_ALGORITHM: algorithm }), Date.now);
    await provider.add({ name: '_acme-challenge.example.com', value: 'signed' }, signal);
    expect(await named.texts('_acme-challenge.example.com')).toEqual(['signed']);
  });

  it('says what is wrong with a key, a clock, a zone or a server', async () => {
    await using named = await startNamed({ 'example.com': '' });
    const record = { name: '_acme-challenge.example.com', value: 'x' };
    const adding = (over: Record<string, string>, nowMs = Date.now) =>
      createRfc2136(credentialsFor(named, { RFC2136_ZONE: 'example.com', ...over }), nowMs).add(
        record,
        signal,
      );
    const otherSecret = Buffer.alloc(32, 7).toString('base64');
    await expect(adding({ RFC2136_TSIG_SECRET: otherSecret })).rejects.toThrow(
      /does not take our signature \(BADSIG\)/,
    );
    await expect(adding({ RFC2136_TSIG_NAME: 'other.example' })).rejects.toThrow(/BADKEY/);
    await expect(adding({}, () => Date.now() - 3_600_000)).rejects.toThrow(/BADTIME.*clocks/);
    await expect(adding({ RFC2136_ZONE: 'example.net' })).rejects.toThrow(
      /refused the change in example.net: NOT/,
    );
    await expect(adding({ RFC2136_SERVER: '127.0.0.1:1' })).rejects.toThrow(/ECONNREFUSED/);
    expect(await named.texts(record.name)).toEqual([]);
  });

  it('needs its credentials', () => {
    const thrown = (() => {
      try {
        createRfc2136({ RFC2136_SERVER: 'ns.example.com' }, Date.now);
        return null;
      } catch (error) {
        return error;
      }
    })();
    expect(isTakoError(thrown) && thrown.code).toBe('OPTION_INVALID');
  });
});
