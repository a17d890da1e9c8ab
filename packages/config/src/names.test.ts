import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deploymentId,
  isAppName,
  isEnvVarName,
  isReservedEnvVarName,
  isSecretName,
  isVersion,
  parseAppName,
  parseDeploymentId,
  parseEnvName,
  parseSecretName,
  parseVersion,
  sanitizeAppName,
} from './names.ts';

const appNames = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const envNames = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/);

describe('app names', () => {
  it.each(['a', 'shop', 'my-shop-2', 'a'.repeat(63)])('allows %s', (name) => {
    expect(parseAppName(name)).toBe(name);
  });
  it.each(['', '1a', '-a', 'a-', 'Shop', 'a_b', 'a.b', 'a b', 'a\n', 'a'.repeat(64), 'ä', '../a'])(
    'refuses %j',
    (name) => {
      expect(() => parseAppName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
    },
  );
  it('shows what was found and what is allowed', () => {
    expect(() => parseAppName('Shop')).toThrow(
      expect.objectContaining({
        message: '"Shop" is not a valid app name',
        hint: 'Allowed: 1-63 of a-z, 0-9 and "-", starting with a letter and not ending with "-".',
      }),
    );
  });
});

describe('environment names', () => {
  it.each(['a', 'production', 'pr-12', 'a'.repeat(32)])('allows %s', (name) =>
    expect(parseEnvName(name)).toBe(name),
  );
  it.each(['', '1', 'Prod', 'a@b', 'a/b', 'a\n', 'a'.repeat(33)])('refuses %j', (name) => {
    expect(() => parseEnvName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
});

describe('deployment ids', () => {
  it('are the bare name in production and name@env elsewhere', () => {
    expect(deploymentId('shop', 'production')).toBe('shop');
    expect(deploymentId('shop', 'staging')).toBe('shop@staging');
  });
  it('come back as they went', () => {
    fc.assert(
      fc.property(appNames, envNames, (app, env) => {
        expect(parseDeploymentId(deploymentId(app, env))).toEqual({ app, env });
      }),
    );
  });
  it.each([
    '',
    '@',
    'shop@',
    '@staging',
    'shop@a@b',
    'shop@production',
    'Shop',
    '../x',
    'shop@../x',
    'shop\n',
  ])('refuses %j', (text) => {
    expect(() => parseDeploymentId(text)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
});

describe('versions', () => {
  it.each(['0123456789ab', 'nogit_0a1b2c3d', 'v1.2.3', '...', 'a'.repeat(128)])('allows %s', (text) =>
    expect(parseVersion(text)).toBe(text),
  );
  it.each(['', '.', '..', 'a/b', 'a b', 'a\n', 'a'.repeat(129)])('refuses %j', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(() => parseVersion(text)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
});

describe('secret names', () => {
  it.each(['A', 'DATABASE_URL', 'A1_', 'A'.repeat(128)])('allows %s', (name) =>
    expect(parseSecretName(name)).toBe(name),
  );
  it.each(['', 'a', '1A', '_A', 'A-B', 'A\n', 'A'.repeat(129)])('refuses %j', (name) => {
    expect(isSecretName(name)).toBe(false);
    expect(() => parseSecretName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
  it.each(['PORT', 'HOST', 'TAKO_TOKEN'])('refuses %s, which is reserved', (name) => {
    expect(() => parseSecretName(name)).toThrow(/reserved/);
  });
});

describe('environment variables', () => {
  it('reserve PORT, HOST and TAKO_*', () => {
    expect(['PORT', 'HOST', 'TAKO_', 'TAKO_APP'].every(isReservedEnvVarName)).toBe(true);
    expect(['PORTS', 'HOSTNAME', 'TAKO', 'tako_x', 'port'].some(isReservedEnvVarName)).toBe(false);
  });
  it('refuse names a shell could not set, and __proto__', () => {
    expect(['A', '_a1', 'npm_config_x'].every(isEnvVarName)).toBe(true);
    expect(['', '1A', 'A=B', 'A B', 'A-B', '__proto__'].some(isEnvVarName)).toBe(false);
  });
});

describe('sanitizeAppName', () => {
  it.each([
    ['My Shop', 'my-shop'],
    ['@acme/web_app', 'acme-web-app'],
    ['2048-game', 'game'],
    ['Café', 'cafe'],
    ['--x--', 'x'],
    [`${'a'.repeat(62)}--b`, 'a'.repeat(62)],
  ])('makes %j into %s', (directory, name) => expect(sanitizeAppName(directory)).toBe(name));
  it.each(['', '123', '日本', '---'])('finds no name in %j', (directory) =>
    expect(sanitizeAppName(directory)).toBeNull(),
  );
  it('gives a valid name or null, always', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (directory) => {
        const name = sanitizeAppName(directory);
        expect(name === null || isAppName(name)).toBe(true);
      }),
    );
  });
});
