import { TakoError } from '@tako/config';
import { expect, test } from 'vitest';
import { optionTable } from './option-table.ts';
import { helpText, parseCommandLine, parseServerToml, resolveOptions } from './options.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TakoError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a flag wins over the environment, which wins over server.toml, which wins over the default', () => {
  const toml = { http_port: 1, https_port: 2, workers: 3 };
  const environment = { TAKO_SERVER_HTTP_PORT: '10', TAKO_SERVER_HTTPS_PORT: '20' };
  const options = resolveOptions(parseCommandLine(['--http-port', '100']), environment, toml);
  expect(options).toMatchObject({ httpPort: 100, httpsPort: 20, workers: 3, drainTimeoutMs: 30_000 });
});

test('a repeated flag collects; a list in the environment is split', () => {
  expect(resolveOptions(parseCommandLine(['--bind', '127.0.0.1', '--bind', '::1']), {}, {}).bind).toEqual([
    '127.0.0.1',
    '::1',
  ]);
  expect(resolveOptions(parseCommandLine([]), { TAKO_SERVER_BIND: '127.0.0.1,::1' }, {}).bind).toEqual([
    '127.0.0.1',
    '::1',
  ]);
});

test.each([
  ['--http-port', '70000'],
  ['--http-port', '-1'],
  ['--http-port', '0x10'],
  ['--workers', 'many'],
  ['--workers', '65'],
  ['--drain-timeout', '30'],
  ['--data-dir', 'relative'],
  ['--bind', 'localhost; rm'],
  ['--lanes', 'fast'],
  ['--access-log', 'relative.log'],
  ['--proxy-protocol', 'v3'],
  ['--proxy-protocol', 'v2'],
  ['--trusted-proxy', 'everybody'],
  ['--metrics-listen', 'on'],
  ['--metrics-listen', '9898'],
  ['--metrics-listen', ':9898'],
  ['--metrics-listen', '::1:9898'],
  ['--metrics-listen', 'localhost:9898'],
  ['--metrics-listen', '127.0.0.1:99999'],
])('%s %s is refused with OPTION_INVALID', (flag, value) => {
  expect(codeOf(() => resolveOptions(parseCommandLine([`${flag}=${value}`]), {}, {}))).toBe('OPTION_INVALID');
});

test.each([
  ['off', null],
  ['127.0.0.1:9898', { host: '127.0.0.1', port: 9898 }],
  ['[::1]:0', { host: '::1', port: 0 }],
])('--metrics-listen %s', (value, expected) => {
  expect(resolveOptions(parseCommandLine(['--metrics-listen', value]), {}, {}).metricsListen).toEqual(
    expected,
  );
});

test('a PROXY header is demanded only where somebody is trusted to send one', () => {
  const resolve = (...flags: string[]) => resolveOptions(parseCommandLine(flags), {}, {});
  expect(
    resolve('--proxy-protocol', 'any', '--trusted-proxy', '10.0.0.0/8', '--trusted-proxy', 'unix'),
  ).toMatchObject({
    proxyProtocol: 'any',
    trustedProxy: ['10.0.0.0/8', 'unix'],
  });
  expect(codeOf(() => resolve('--proxy-protocol', 'any'))).toBe('OPTION_INVALID');
});

test('unknown flags, positionals and unknown keys are refused', () => {
  expect(codeOf(() => parseCommandLine(['--htpp-port=1']))).toBe('OPTION_INVALID');
  expect(codeOf(() => parseCommandLine(['start']))).toBe('OPTION_INVALID');
  expect(codeOf(() => parseServerToml('htpp_port = 1', 'server.toml'))).toBe('OPTION_INVALID');
  expect(codeOf(() => parseServerToml('http_port = ', 'server.toml'))).toBe('OPTION_INVALID');
});

test('a wrong line of server.toml is refused even where a flag wins', () => {
  expect(codeOf(() => resolveOptions(parseCommandLine(['--workers', '2']), {}, { workers: 'many' }))).toBe(
    'OPTION_INVALID',
  );
});

test('the options are frozen and every row has help', () => {
  expect(Object.isFrozen(resolveOptions(parseCommandLine([]), {}, {}))).toBe(true);
  for (const row of optionTable) expect(helpText()).toContain(`--${row.flag}`);
  expect(helpText()).toMatch(/--drain-timeout DURATION .*\[30s\]\n/);
  expect(helpText()).toMatch(/--renewal-interval DURATION .*\[12h\]\n/);
});
