import { describe, expect, test } from 'vitest';
import { normalizeHost } from './host-name.ts';
import { readRequestPath } from './request-path.ts';

describe('the host of a request', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['example.com:8080', 'example.com'],
    ['example.com:', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:443', 'example.com'],
    ['[2001:DB8::1]:443', '[2001:db8::1]'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['', ''],
  ])('%s is compared as %s', (given, expected) => {
    expect(normalizeHost(given)).toBe(expected);
  });

  test.each([
    'exa mple.com',
    'a@example.com',
    'example.com/x',
    'example.com:80:90',
    'example.com:http',
    '[::1',
    '[::1]x',
    'a?b',
    'a\u0000b',
    'x'.repeat(256),
  ])('%j is no host', (given) => {
    expect(normalizeHost(given)).toBeNull();
  });
});

describe('the path of a request', () => {
  test.each([
    ['/a/b?x=../y', '/a/b'],
    ['/', '/'],
    ['*', '/'],
    ['/a%20b', '/a%20b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/a..b/..c', '/a..b/..c'],
    ['/q?100%', '/q'],
  ])('%s is read as %s', (target, path) => {
    expect(readRequestPath(target)).toEqual({ kind: 'ok', path });
  });

  test.each([
    '/../x',
    '/a/..',
    '/a/./b',
    '/.',
    '/%2e%2e/x',
    '/.%2E/x',
    '/a/%2e',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '/a%00',
    '/a%zz',
    '/a%4',
    '/a#b',
    '/é',
    'a/b',
    '',
    'http://example.com/',
  ])('%s is refused', (target) => {
    expect(readRequestPath(target).kind).toBe('wrong');
  });
});
