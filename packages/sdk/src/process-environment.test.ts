import { expect, test } from 'vitest';
import { readInstanceEnvironment } from './process-environment.ts';

const managed = { TAKO_INSTANCE: 'i', TAKO_APP: 'a', TAKO_ENV: 'e', TAKO_VERSION: 'v' };

test('under Tako, the system chooses the port on loopback unless told otherwise', () => {
  expect(readInstanceEnvironment(managed)).toEqual({
    app: 'a',
    env: 'e',
    version: 'v',
    instance: 'i',
    host: '127.0.0.1',
    port: 0,
  });
  expect(readInstanceEnvironment({ ...managed, PORT: '3001', HOST: '::1' })).toMatchObject({
    host: '::1',
    port: 3001,
  });
});

test('outside Tako, PORT or 3000 on every interface', () => {
  expect(readInstanceEnvironment({})).toEqual({
    app: null,
    env: null,
    version: null,
    instance: null,
    host: null,
    port: 3000,
  });
  expect(readInstanceEnvironment({ PORT: '', HOST: '' })).toMatchObject({ host: null, port: 3000 });
  expect(readInstanceEnvironment({ PORT: '65535' })).toMatchObject({ port: 65_535 });
});

test.each(['65536', '-1', 'http', '80a', '1e3', ' 80'])('PORT %s is refused', (port) => {
  expect(() => readInstanceEnvironment({ PORT: port })).toThrow(`PORT is "${port}"`);
});
