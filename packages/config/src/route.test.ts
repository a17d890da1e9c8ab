import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareRoutes, parseRoute, readRoute, routeKey, routeUrl } from './route.ts';
import { isTakoError } from './tako-error.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/).filter((text) => !/^..--/.test(text));
const hostname = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 4 }), fc.stringMatching(/^[a-z]{2,6}$/))
  .map(([labels, top]) => [...labels, top].join('.'));
const segment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,8}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const routeText = fc
  .tuple(fc.boolean(), hostname, fc.option(path, { nil: '' }), fc.constantFrom('', '/', '/*', '/*/'))
  .map(([wildcard, host, tail, end]) => `${wildcard ? '*.' : ''}${host}${tail}${end}`);

describe('parseRoute', () => {
  it.each([
    ['example.com', 'example.com', { kind: 'exact', name: 'example.com' }, { kind: 'any' }],
    ['EXAMPLE.com', 'example.com', { kind: 'exact', name: 'example.com' }, { kind: 'any' }],
    ['example.com/', 'example.com', { kind: 'exact', name: 'example.com' }, { kind: 'any' }],
    ['example.com/*', 'example.com', { kind: 'exact', name: 'example.com' }, { kind: 'any' }],
    ['*.example.com', '*.example.com', { kind: 'wildcard', name: 'example.com' }, { kind: 'any' }],
    [
      'example.com/api',
      'example.com/api',
      { kind: 'exact', name: 'example.com' },
      { kind: 'exact', path: '/api' },
    ],
    [
      'example.com/api/',
      'example.com/api',
      { kind: 'exact', name: 'example.com' },
      { kind: 'exact', path: '/api' },
    ],
    [
      'example.com/Api/*',
      'example.com/Api/*',
      { kind: 'exact', name: 'example.com' },
      { kind: 'prefix', path: '/Api' },
    ],
    [
      '*.Example.com/a/b/*',
      '*.example.com/a/b/*',
      { kind: 'wildcard', name: 'example.com' },
      { kind: 'prefix', path: '/a/b' },
    ],
    ['münchen.de', 'xn--mnchen-3ya.de', { kind: 'exact', name: 'xn--mnchen-3ya.de' }, { kind: 'any' }],
    ['*.MÜNCHEN.de', '*.xn--mnchen-3ya.de', { kind: 'wildcard', name: 'xn--mnchen-3ya.de' }, { kind: 'any' }],
    [
      '例え.テスト',
      'xn--r8jz45g.xn--zckzah',
      { kind: 'exact', name: 'xn--r8jz45g.xn--zckzah' },
      { kind: 'any' },
    ],
    [
      'example.com/café',
      'example.com/caf%C3%A9',
      { kind: 'exact', name: 'example.com' },
      { kind: 'exact', path: '/caf%C3%A9' },
    ],
    [
      'example.com/a%20b',
      'example.com/a%20b',
      { kind: 'exact', name: 'example.com' },
      { kind: 'exact', path: '/a%20b' },
    ],
    ['203.0.113.5', '203.0.113.5', { kind: 'exact', name: '203.0.113.5' }, { kind: 'any' }],
  ])('reads %s as %s', (text, canonical, host, path) => {
    expect(parseRoute(text)).toEqual({ text: canonical, host, path });
  });

  it.each([
    ['', 'it is empty'],
    ['localhost', 'the host name needs a dot, as in "example.com"'],
    ['*', 'there is no catch-all; name the host'],
    ['*/api', 'there is no catch-all; name the host'],
    ['*.', 'the host name ends with a dot'],
    ['*.com', 'the host name needs a dot, as in "example.com"'],
    ['/api', 'the host name is missing'],
    ['https://example.com', 'a route has no scheme; leave "https://" away'],
    ['example.com:8080', 'a route has no port'],
    ['[::1]', 'an IPv6 address cannot be a route; use a host name'],
    ['me@example.com', 'a route has no user name'],
    ['example.com?x=1', 'a route has no query'],
    ['example.com/#top', 'a route has no fragment'],
    ['example.com.', 'the host name ends with a dot'],
    ['example..com', 'the host name has an empty label'],
    ['.example.com', 'the host name has an empty label'],
    ['a.*.com', '"*" stands only as the whole first label, as in "*.example.com"'],
    ['*a.example.com', '"*" stands only as the whole first label, as in "*.example.com"'],
    ['*.*.example.com', '"*" stands only as the whole first label, as in "*.example.com"'],
    ['*.203.0.113.5', 'a wildcard needs a host name, not an address'],
    ['my_app.example.com', 'a host name cannot hold "_"'],
    ['%65xample.com', 'a host name cannot hold "%"'],
    ['example.com\\x', 'a host name cannot hold "\\\\"'],
    ['-a.example.com', '"-a" is not a label of 1-63 letters, digits and inner hyphens'],
    [`${'a'.repeat(64)}.com`, `"${'a'.repeat(64)}" is not a label of 1-63 letters, digits and inner hyphens`],
    [`${'a.'.repeat(127)}com`, 'the host name is longer than 253 characters'],
    ['1.2', 'the address is not in the form 203.0.113.5'],
    ['0x7f.0.0.1', 'the address is not in the form 203.0.113.5'],
    ['a.b.1', 'the host name is not a valid domain name'],
    ['a\u2260b.example.com\ufdfa', 'the host name is not a valid domain name'],
    [' example.com', 'it holds a space or a control character'],
    ['example.com/a b', 'it holds a space or a control character'],
    ['example.com/a\0', 'it holds a space or a control character'],
    ['example.com/\n', 'it holds a space or a control character'],
    ['example.com//a', 'the path has an empty segment ("//")'],
    ['example.com//', 'the path has an empty segment ("//")'],
    ['example.com/a/../b', 'the path has a dot segment ("." or "..")'],
    ['example.com/.', 'the path has a dot segment ("." or "..")'],
    ['example.com/%2E%2e/a', 'the path has a dot segment ("." or "..")'],
    ['example.com/a%2fb', 'the path has an encoded slash ("%2F")'],
    ['example.com/a%00', 'the path has an encoded NUL ("%00")'],
    ['example.com/a%', 'the path has a "%" that encodes nothing'],
    ['example.com/a%g0', 'the path has a "%" that encodes nothing'],
    ['example.com/a*', '"*" stands only as the whole last segment of a path, as in "/api/*"'],
    ['example.com/*/a', '"*" stands only as the whole last segment of a path, as in "/api/*"'],
    ['example.com/a/**', '"*" stands only as the whole last segment of a path, as in "/api/*"'],
    ['example.com/a\\b', 'the path cannot hold "\\\\"'],
    ['example.com/<a>', 'the path cannot hold "<"'],
    ['example.com/\ud800', 'the path is not well-formed Unicode'],
    [`example.com/${'a'.repeat(2048)}`, 'it is longer than 2048 characters'],
  ])('refuses %j: %s', (text, reason) => {
    expect(readRoute(text)).toEqual({ kind: 'wrong', reason });
    expect(() => parseRoute(text)).toThrow(expect.objectContaining({ code: 'ROUTE_INVALID' }));
  });

  it('allows a name and a route at their limits', () => {
    expect(parseRoute(`${'a.'.repeat(125)}com`).host.name).toHaveLength(253);
    expect(parseRoute(`example.com/${'a'.repeat(2036)}`).text).toHaveLength(2048);
  });

  it('says which route is wrong, and how a right one looks', () => {
    expect(() => parseRoute('localhost')).toThrow(
      expect.objectContaining({
        message: '"localhost" is not a valid route: the host name needs a dot, as in "example.com"',
        hint: 'A route is a host name with an optional path: "example.com", "*.example.com", "example.com/api/*".',
      }),
    );
  });

  it('is idempotent: the canonical text parses to itself', () => {
    fc.assert(
      fc.property(routeText, (text) => {
        const route = parseRoute(text);
        expect(parseRoute(route.text)).toEqual(route);
      }),
    );
  });

  it('does not care about the case of the host or a trailing slash', () => {
    fc.assert(
      fc.property(hostname, fc.option(path, { nil: '' }), (host, tail) => {
        const route = parseRoute(`${host}${tail}`);
        expect(parseRoute(`${host.toUpperCase()}${tail}/`)).toEqual(route);
      }),
    );
  });

  it('gives a canonical route or a ROUTE_INVALID for any text', () => {
    const pieces = fc.constantFrom(
      '*',
      '.',
      '/',
      '%',
      '%2e',
      '%2F',
      'a',
      'com',
      'ä',
      ':',
      '?',
      '-',
      'xn--',
      '１',
      '。',
      '\ud800',
      '@',
      '\\',
      '\0',
    );
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          const route = parseRoute(text);
          expect(parseRoute(route.text)).toEqual(route);
          expect(route.text).toMatch(/^(\*\.)?[a-z0-9.-]+(\/[A-Za-z0-9\-._~%!$&'()+,;=:@]+)*(\/\*)?$/);
        } catch (error) {
          if (!isTakoError(error) || error.code !== 'ROUTE_INVALID') throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('routeKey', () => {
  it('is equal for the same pattern, however written', () => {
    expect(routeKey(parseRoute('Example.com/api/'))).toBe(routeKey(parseRoute('example.com/api')));
    expect(routeKey(parseRoute('example.com/*'))).toBe(routeKey(parseRoute('example.com')));
  });
  it('differs between an exact path and a prefix', () => {
    expect(routeKey(parseRoute('example.com/api'))).not.toBe(routeKey(parseRoute('example.com/api/*')));
  });
});

describe('compareRoutes', () => {
  it('puts the most specific first', () => {
    const order = [
      'a.x.com/api/v1',
      'a.x.com/api/v1/*',
      'a.x.com/api',
      'a.x.com/api/*',
      'a.x.com',
      '*.b.x.com/api',
      '*.b.x.com',
      '*.x.com/api/v1',
      '*.x.com/api/*',
      '*.x.com',
    ];
    const shuffled = [...order].reverse().map(parseRoute);
    expect(shuffled.sort(compareRoutes).map((route) => route.text)).toEqual(order);
  });

  it('is a total order', () => {
    fc.assert(
      fc.property(routeText, routeText, routeText, (x, y, z) => {
        const [a, b, c] = [parseRoute(x), parseRoute(y), parseRoute(z)];
        expect(Math.sign(compareRoutes(a, b))).toBe(-Math.sign(compareRoutes(b, a)) + 0);
        expect(compareRoutes(a, b) === 0).toBe(a.text === b.text);
        if (compareRoutes(a, b) <= 0 && compareRoutes(b, c) <= 0)
          expect(compareRoutes(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('routeUrl', () => {
  it.each([
    ['example.com', 'https://example.com/'],
    ['example.com/api/*', 'https://example.com/api'],
    ['*.example.com', 'https://*.example.com/'],
  ])('shows %s as %s', (text, url) => expect(routeUrl(parseRoute(text))).toBe(url));
});
