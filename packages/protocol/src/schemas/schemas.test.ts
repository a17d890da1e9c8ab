import { limits } from '@tako/config';
import { describe, expect, it } from 'vitest';
import { protocolLimits } from '../limits.ts';
import { deploymentIdSchema, routesSchema, secretsSchema, shownText, versionSchema } from './common.ts';
import { putChallengeInput } from './operations.ts';
import { scaleInput } from './rollout.ts';

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown): boolean =>
  schema.safeParse(value).success;

describe('deployment ids', () => {
  it.each(['web', 'a', 'my-app-2', 'web@staging', 'web@a-', `${'a'.repeat(63)}@${'b'.repeat(32)}`])(
    'accept %s',
    (id) => {
      expect(accepts(deploymentIdSchema, id)).toBe(true);
    },
  );
  it.each([
    '',
    'Web',
    '1web',
    'web-',
    '-web',
    'we/b',
    'web@',
    '@web',
    'web@production',
    'web@development',
    'web\n',
    'web@a@b',
    '..',
    'a'.repeat(64),
    `web@${'b'.repeat(33)}`,
  ])('refuse %j', (id) => {
    expect(accepts(deploymentIdSchema, id)).toBe(false);
  });
});

describe('versions', () => {
  it.each(['v1', '1.2.3-rc.1_x', '...', 'a'.repeat(128)])('accept %s', (version) => {
    expect(accepts(versionSchema, version)).toBe(true);
  });
  it.each(['', '.', '..', 'a/b', 'a b', 'a\0', 'a\n', 'ä', 'a'.repeat(129)])('refuse %j', (version) => {
    expect(accepts(versionSchema, version)).toBe(false);
  });
});

describe('routes', () => {
  it('are at least one and at most as many and as long as config says', () => {
    expect(accepts(routesSchema, [])).toBe(false);
    expect(accepts(routesSchema, [''])).toBe(false);
    expect(accepts(routesSchema, ['r'.repeat(limits.routeCharsMax)])).toBe(true);
    expect(accepts(routesSchema, ['r'.repeat(limits.routeCharsMax + 1)])).toBe(false);
    expect(
      accepts(
        routesSchema,
        Array.from({ length: limits.routesPerEnvMax }, () => 'a.b'),
      ),
    ).toBe(true);
    expect(
      accepts(
        routesSchema,
        Array.from({ length: limits.routesPerEnvMax + 1 }, () => 'a.b'),
      ),
    ).toBe(false);
  });
});

describe('secrets', () => {
  const many = (count: number, value = 'v') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`S${index}`, value]));

  it('are as many, as long and as large together as the limits say, and not one more', () => {
    expect(accepts(secretsSchema, {})).toBe(true);
    expect(accepts(secretsSchema, many(limits.secretsPerEnvMax))).toBe(true);
    expect(accepts(secretsSchema, many(limits.secretsPerEnvMax + 1))).toBe(false);
    expect(accepts(secretsSchema, { A: 'v'.repeat(limits.secretValueBytesMax) })).toBe(true);
    expect(accepts(secretsSchema, { A: 'v'.repeat(limits.secretValueBytesMax + 1) })).toBe(false);
    const whole = { ...many(15, 'v'.repeat(65_536)), Z: 'v' };
    const names = Object.keys(whole).join('').length;
    const rest = protocolLimits.secretsTotalCharsMax - 15 * 65_536 - names;
    expect(accepts(secretsSchema, { ...whole, Z: 'v'.repeat(rest) })).toBe(true);
    expect(accepts(secretsSchema, { ...whole, Z: 'v'.repeat(rest + 1) })).toBe(false);
  });

  it.each(['PORT', 'HOST', 'TAKO_APP', 'lower', '1A', 'A-B', ''])('refuse the name %j', (name) => {
    expect(accepts(secretsSchema, { [name]: 'v' })).toBe(false);
  });
});

describe('other inputs', () => {
  it('make control characters of shown text harmless', () => {
    expect(shownText(50).parse('a\u001b[31mred\r\n\u009bx')).toBe('a [31mred   x');
  });

  it('refuse keys that the schema does not know', () => {
    const input = { deploymentId: 'web', token: 't'.repeat(16), instances: 1 };
    expect(accepts(scaleInput, input)).toBe(true);
    expect(accepts(scaleInput, { ...input, force: true })).toBe(false);
    expect(accepts(scaleInput, { ...input, instances: 256 })).toBe(true);
    expect(accepts(scaleInput, { ...input, instances: 257 })).toBe(false);
    expect(accepts(scaleInput, { ...input, instances: 1.5 })).toBe(false);
  });

  it('keep header and line breaks out of a challenge', () => {
    const challenge = { host: 'example.com', challenge: 'abc-_', keyAuthorization: 'abc-_.thumb' };
    expect(accepts(putChallengeInput, challenge)).toBe(true);
    expect(accepts(putChallengeInput, { ...challenge, keyAuthorization: null })).toBe(true);
    expect(accepts(putChallengeInput, { ...challenge, keyAuthorization: 'a\r\nSet-Cookie: x' })).toBe(false);
    expect(accepts(putChallengeInput, { ...challenge, challenge: '../x' })).toBe(false);
    expect(accepts(putChallengeInput, { ...challenge, host: 'a/b' })).toBe(false);
  });
});
