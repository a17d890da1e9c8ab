import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePayload } from './payload.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a whole document is read whatever its secrets hold, and none of its beginnings is', () => {
  const secrets = fc.dictionary(
    fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(secrets, fc.string({ minLength: 1 }), fc.nat(), (secrets, token, cut) => {
      const bytes = encode(JSON.stringify({ v: 1, token, secrets }));
      const parsed = parsePayload(bytes);
      expect(parsed.kind === 'complete' && Object.fromEntries(parsed.payload.secrets)).toEqual({
        ...secrets,
      });
      expect(parsePayload(bytes.subarray(0, cut % bytes.length))).toEqual({ kind: 'incomplete' });
    }),
  );
});

test.each([
  ['[]', 'not an object'],
  ['"text"', 'not an object'],
  ['{"v":2,"token":"t","secrets":{}}', 'version 2'],
  ['{"v":"1"}', 'version ?'],
  ['{"v":1,"token":"","secrets":{}}', 'no token'],
  ['{"v":1,"token":"t"}', 'no secrets'],
  ['{"v":1,"token":"t","secrets":[]}', 'no secrets'],
  ['{"v":1,"token":"t","secrets":{"A":5}}', 'the secret A, which is not a string'],
])('the document %s is refused', (document, reason) => {
  expect(() => parsePayload(encode(document))).toThrow(reason);
});

test('a name of Object.prototype is a name like any other', () => {
  const parsed = parsePayload(encode('{"v":1,"token":"t","secrets":{"__proto__":"x","constructor":"y"}}'));
  expect(parsed.kind === 'complete' && [...parsed.payload.secrets]).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});
