import { TakoError } from '@tako/config';
import { assert, integer, oneof, option, property, record, string } from 'fast-check';
import { expect, test } from 'vitest';
import { parseListenFd, requestedDescriptors } from './activation-request.ts';
import { inheritedDescriptorsMax } from './limits.ts';

const none = { pid: 7, listenFd: [] };

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TakoError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

test('systemd: descriptors from 3 up, with their names in order', () => {
  const environment = { LISTEN_FDS: '3', LISTEN_PID: '7', LISTEN_FDNAMES: 'http:http:https' };
  expect(requestedDescriptors(environment, none)).toEqual([
    { fd: 3, name: 'http', origin: 'LISTEN_FDS' },
    { fd: 4, name: 'http', origin: 'LISTEN_FDS' },
    { fd: 5, name: 'https', origin: 'LISTEN_FDS' },
  ]);
});

test('a name that is empty or `unknown`, or no list of names, says nothing', () => {
  expect(
    requestedDescriptors({ LISTEN_FDS: '2', LISTEN_FDNAMES: 'unknown:' }, none).map(({ name }) => name),
  ).toEqual([null, null]);
  expect(requestedDescriptors({ LISTEN_FDS: '2' }, none).map(({ name }) => name)).toEqual([null, null]);
});

test('sockets meant for another process are left alone', () => {
  expect(requestedDescriptors({ LISTEN_FDS: '2', LISTEN_PID: '8' }, none)).toEqual([]);
});

test('catflap names one descriptor', () => {
  expect(requestedDescriptors({ LISTEN_FD: '12' }, none)).toEqual([
    { fd: 12, name: null, origin: 'LISTEN_FD' },
  ]);
});

test('the command line names a descriptor better than the environment', () => {
  const listenFd = parseListenFd('https=3', '--listen-fd');
  expect(requestedDescriptors({ LISTEN_FDS: '2', LISTEN_FD: '4' }, { pid: 7, listenFd })).toEqual([
    { fd: 3, name: 'https', origin: '--listen-fd' },
    { fd: 4, name: null, origin: 'LISTEN_FDS' },
  ]);
});

test('--listen-fd takes one kind several times, and 0', () => {
  expect(parseListenFd('http=0, http=4,metrics=5', '--listen-fd').map(({ name, fd }) => [name, fd])).toEqual([
    ['http', 0],
    ['http', 4],
    ['metrics', 5],
  ]);
});

test.each(['', 'http', 'http=', 'http=-1', 'http=3,', '3', 'ftp=3', 'http=3x', 'HTTP=3', 'http=99999999'])(
  '--listen-fd %j is refused with OPTION_INVALID',
  (text) => expect(codeOf(() => parseListenFd(text, '--listen-fd'))).toBe('OPTION_INVALID'),
);

test.each([
  { LISTEN_FDS: '-1' },
  { LISTEN_FDS: '' },
  { LISTEN_FDS: '0x3' },
  { LISTEN_FDS: String(inheritedDescriptorsMax + 1) },
  { LISTEN_FDS: '1', LISTEN_PID: 'me' },
  { LISTEN_FDS: '2', LISTEN_FDNAMES: 'http' },
  { LISTEN_FDS: '1', LISTEN_FDNAMES: 'http:https' },
  { LISTEN_FD: 'three' },
])('%j is refused with INHERITED_SOCKET_INVALID', (environment) => {
  expect(codeOf(() => requestedDescriptors(environment, none))).toBe('INHERITED_SOCKET_INVALID');
});

test('as many descriptors as allowed are taken', () => {
  expect(requestedDescriptors({ LISTEN_FDS: String(inheritedDescriptorsMax) }, none)).toHaveLength(
    inheritedDescriptorsMax,
  );
});

test('a descriptor named twice on the command line is refused', () => {
  const listenFd = parseListenFd('http=3,https=3', '--listen-fd');
  expect(codeOf(() => requestedDescriptors({}, { pid: 7, listenFd }))).toBe('INHERITED_SOCKET_INVALID');
});

test('whatever the environment says, the answer is a list without doubles or one of our errors', () => {
  const text = option(oneof(string(), integer({ min: -3, max: 70 }).map(String)), {
    nil: undefined,
  });
  assert(
    property(
      record({ LISTEN_FDS: text, LISTEN_PID: text, LISTEN_FDNAMES: text, LISTEN_FD: text }),
      (environment) => {
        try {
          const fds = requestedDescriptors(environment, none).map(({ fd }) => fd);
          expect(new Set(fds).size).toBe(fds.length);
        } catch (error) {
          expect(error).toBeInstanceOf(TakoError);
        }
      },
    ),
  );
});
