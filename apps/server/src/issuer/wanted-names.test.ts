import { describe, expect, it } from 'vitest';
import { hostsOf, isCovered, isPrivateName } from './name-rules.ts';
import { selectNames } from './wanted-names.ts';

describe('a private name', () => {
  it.each([
    'localhost',
    'app.localhost',
    'shop.local',
    'a.b.test',
    'db.internal',
    'x.invalid',
    'www.example',
    'hidden.onion',
    'host.home.arpa',
    'nas.lan',
    'intranet',
    '*.test',
    '*.local',
    '10.0.0.1',
    '1.2.3.4',
    '::1',
    'a.1',
  ])('is %s', (name) => {
    expect(isPrivateName(name)).toBe(true);
  });

  it.each([
    'example.com',
    '*.example.com',
    'test.com',
    'local.dev',
    'internal.example.com',
    'xn--bcher-kva.example.net',
  ])('is not %s', (name) => {
    expect(isPrivateName(name)).toBe(false);
  });
});

describe('the hosts of routes', () => {
  it('are each once, without paths, without what cannot be read', () => {
    expect(
      hostsOf(['b.example.com/x/*', 'a.example.com', 'B.example.com', '*.example.com', 'not a route']),
    ).toEqual(['*.example.com', 'a.example.com', 'b.example.com']);
  });

  it('are covered by a wildcard one level deep', () => {
    const by = new Set(['*.example.com']);
    expect(isCovered('a.example.com', by)).toBe(true);
    expect(isCovered('*.example.com', by)).toBe(true);
    expect(isCovered('a.b.example.com', by)).toBe(false);
    expect(isCovered('example.com', by)).toBe(false);
  });
});

describe('the names that are wanted', () => {
  const policy = { canValidateByDns: true, customNames: [] };

  it('are those of each app, a shared one once, by the first app', () => {
    const apps = [
      { deploymentId: 'web', routes: ['example.com', 'www.example.com/shop'] },
      { deploymentId: 'api', routes: ['example.com/api/*', 'app.test'] },
    ];
    expect(selectNames(apps, policy)).toEqual({
      wanted: [
        { deploymentId: 'api', names: ['example.com'] },
        { deploymentId: 'web', names: ['www.example.com'] },
      ],
      unprovided: [],
    });
  });

  it('are not those that a wildcard of any app covers', () => {
    const apps = [
      { deploymentId: 'a', routes: ['one.example.com', 'deep.one.example.com'] },
      { deploymentId: 'b', routes: ['*.example.com', 'example.com'] },
    ];
    expect(selectNames(apps, policy).wanted).toEqual([
      { deploymentId: 'a', names: ['deep.one.example.com'] },
      { deploymentId: 'b', names: ['*.example.com', 'example.com'] },
    ]);
  });

  it('have no wildcards without a DNS provider, and then keep what those would cover', () => {
    const apps = [{ deploymentId: 'a', routes: ['*.example.com', 'one.example.com'] }];
    expect(selectNames(apps, { canValidateByDns: false, customNames: [] })).toEqual({
      wanted: [{ deploymentId: 'a', names: ['one.example.com'] }],
      unprovided: ['*.example.com'],
    });
  });

  it('are not those of certificates that were given to us', () => {
    const apps = [{ deploymentId: 'a', routes: ['*.example.com', 'one.example.com', 'shop.net'] }];
    expect(selectNames(apps, { canValidateByDns: false, customNames: ['*.example.com'] })).toEqual({
      wanted: [{ deploymentId: 'a', names: ['shop.net'] }],
      unprovided: [],
    });
  });
});
