import { describe, expect, test } from 'vitest';
import { normalizeAddress, TrustedPeers } from './address.ts';
import { applyEdits, fieldValue } from './header-edits.ts';
import { requestFieldsDropped, withNamedFields } from './hop-by-hop.ts';
import { errorReply, prefersJson } from '../replies/error-page.ts';
import { failureTable } from '../replies/failure.ts';

describe('addresses', () => {
  test.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['FE80::1%eth0', 'fe80::1'],
    ['10.0.0.1', '10.0.0.1'],
    [undefined, 'unix'],
  ])('%s is written %s', (given, expected) => {
    expect(normalizeAddress(given)).toBe(expected);
  });

  test('are trusted by CIDR, alone, or on a Unix socket; nothing else is', () => {
    const peers = new TrustedPeers(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', 'unix']);
    expect(['10.255.0.1', '192.0.2.7', '2001:db8::5', 'unix'].map((each) => peers.has(each))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['11.0.0.1', '192.0.2.8', '2001:db9::5', 'nonsense'].map((each) => peers.has(each))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(new TrustedPeers([]).has('127.0.0.1')).toBe(false);
  });

  test.each(['10.0.0.0/33', '10.0.0', 'example.com', '10.0.0.0/x', '2001:db8::/129', ''])(
    '%j is no trusted proxy',
    (cidr) => {
      expect(() => new TrustedPeers([cidr])).toThrow('trusted proxy');
    },
  );
});

describe('header edits', () => {
  test('drop by name in any case and by its underscore twin, keep order, add last', () => {
    const edits = { drop: new Set(['x-forwarded-for', 'a']), add: ['A', '2'] };
    expect(applyEdits(['B', '1', 'a', '1', 'X_Forwarded_For', 'x', 'C', '3'], edits)).toEqual([
      'B',
      '1',
      'C',
      '3',
      'A',
      '2',
    ]);
  });

  test('read repeated fields as one list', () => {
    expect(fieldValue(['Via', 'a', 'X', '1', 'via', 'b'], 'via')).toBe('a, b');
    expect(fieldValue(['Via', 'a'], 'x')).toBeUndefined();
  });

  test('take the names of Connection, except those that say what the message is', () => {
    const named = withNamedFields(requestFieldsDropped, 'close, X-A ,Host,, Content-Length, cookie');
    expect([named.has('x-a'), named.has('host'), named.has('cookie'), named.has('connection')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(withNamedFields(requestFieldsDropped, 'keep-alive')).toBe(requestFieldsDropped);
  });
});

describe('error pages', () => {
  test.each([
    [undefined, false],
    ['*/*', false],
    ['application/json', true],
    ['text/html,application/json;q=0.9', false],
    ['text/html;q=0.5, application/problem+json', true],
    ['application/json;q=0', false],
  ])('for Accept %s are JSON: %s', (accept, json) => {
    expect(prefersJson(accept)).toBe(json);
  });

  test('say the status and the request id, never the kind of the failure, but for maintenance, which is meant for people', () => {
    for (const { kind, status } of failureTable) {
      for (const accept of [undefined, 'application/json']) {
        const reply = errorReply({ kind, requestId: 'id-1', accept, retryAfterSeconds: 7 });
        expect(reply.status).toBe(status);
        expect(reply.body).toContain('id-1');
        if (kind === 'maintenance') expect(reply.body).toContain('under maintenance');
        else expect(reply.body).not.toMatch(new RegExp(String.raw`\b${kind}\b`));
        expect(reply.headers.includes('Retry-After')).toBe([429, 503].includes(status));
      }
    }
  });

  test('have one row for each kind, with a status of the contract', () => {
    const kinds = failureTable.map((row) => row.kind);
    expect(new Set(kinds).size).toBe(kinds.length);
    const allowed = [400, 404, 408, 413, 417, 421, 429, 431, 499, 502, 503, 504];
    expect(failureTable.every((row) => allowed.includes(row.status))).toBe(true);
  });

  test('never repeat markup of a client', () => {
    const reply = errorReply({
      kind: 'noRoute',
      requestId: '<script>',
      accept: undefined,
      retryAfterSeconds: 1,
    });
    expect(reply.body).not.toContain('<script>');
  });
});
