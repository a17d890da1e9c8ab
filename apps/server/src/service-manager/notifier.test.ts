import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { recordingLog } from '../testing/silent-log.ts';
import type { RecordedLine } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { notifyTimeoutMs, socketPathBytesMax } from './limits.ts';
import { parseUnixAddress, parseWatchdogInterval } from './notify-address.ts';
import { createNotifier } from './notifier.ts';
import type { Notifier } from './notifier.ts';
import { openNotifyReceiver } from './testing/notify-receiver.ts';

interface Setup {
  readonly notifier: Notifier;
  readonly next: () => string | null;
  readonly lines: RecordedLine[];
}

function listening(socket: string, extra: Readonly<Record<string, string>> = {}): Setup {
  const receiver = openNotifyReceiver(parseUnixAddress(socket) ?? Buffer.alloc(0));
  onTestFinished(() => receiver[Symbol.dispose]());
  const { log, lines } = recordingLog();
  const notifier = createNotifier({
    environment: { NOTIFY_SOCKET: socket, ...extra },
    pid: process.pid,
    log,
  });
  return { notifier, next: () => receiver.next(), lines };
}

test('each message arrives as sd_notify(3) writes it', async () => {
  await using directory = await temporaryDirectory();
  const { notifier, next } = listening(path.join(directory.path, 'notify'));
  const before = process.hrtime.bigint() / 1000n;
  notifier.ready('serving 3 apps');
  notifier.reloading('a successor starts');
  notifier.mainPid(4711);
  notifier.stopping('draining\nREADY=1');
  notifier.status('');
  notifier.watchdog();
  expect(next()).toBe('READY=1\nSTATUS=serving 3 apps');
  const [, microseconds = ''] =
    /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=a successor starts$/.exec(next() ?? '') ?? [];
  expect(Number(BigInt(microseconds) - before)).toBeGreaterThanOrEqual(0);
  expect(Number(BigInt(microseconds) - before)).toBeLessThan(5_000_000);
  expect(next()).toBe('MAINPID=4711');
  // A line break in a status would be another assignment.
  expect(next()).toBe('STOPPING=1\nSTATUS=draining READY=1');
  expect(next()).toBe('STATUS=');
  expect(next()).toBe('WATCHDOG=1');
  expect(next()).toBeNull();
});

test('an abstract socket is reached too', () => {
  const { notifier, next } = listening(`@tako-notify-${process.pid}-${Date.now()}`);
  notifier.ready('up');
  expect(next()).toBe('READY=1\nSTATUS=up');
});

test('a thousand messages leave no descriptor open', async () => {
  await using directory = await temporaryDirectory();
  const { notifier, next } = listening(path.join(directory.path, 'notify'));
  notifier.watchdog();
  expect(next()).toBe('WATCHDOG=1');
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 1000; count += 1) {
    notifier.watchdog();
    expect(next()).toBe('WATCHDOG=1');
  }
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('with a full queue the watchdog waits not at all and a state a second at most; the log tells the flips only', async () => {
  await using directory = await temporaryDirectory();
  const { notifier, next, lines } = listening(path.join(directory.path, 'notify'));
  const startedAt = performance.now();
  for (let count = 0; count < 5000 && lines.length === 0; count += 1) notifier.watchdog();
  for (let count = 0; count < 10; count += 1) notifier.watchdog();
  expect(performance.now() - startedAt).toBeLessThan(notifyTimeoutMs);
  const stateAt = performance.now();
  notifier.ready('late');
  const waitedMs = performance.now() - stateAt;
  expect(waitedMs).toBeGreaterThan(notifyTimeoutMs / 2);
  expect(waitedMs).toBeLessThan(notifyTimeoutMs * 2);
  while (next() !== null);
  notifier.ready('again');
  expect(next()).toBe('READY=1\nSTATUS=again');
  expect(lines.map(({ msg, reason }) => [msg, reason])).toEqual([
    ['service manager could not be told', 'EAGAIN'],
    ['service manager could be told again', undefined],
  ]);
});

test('a service manager that is not there hurts nobody and is logged once', async () => {
  await using directory = await temporaryDirectory();
  const { log, lines } = recordingLog();
  const environment = { NOTIFY_SOCKET: path.join(directory.path, 'nobody') };
  const notifier = createNotifier({ environment, pid: process.pid, log });
  notifier.ready('up');
  notifier.watchdog();
  expect(lines).toMatchObject([
    { msg: 'service manager could not be told', reason: 'ENOENT', message: 'READY=1' },
  ]);
});

test.each(['relative', 'vsock:2:1234', '/with\0nul', '@', `/${'x'.repeat(socketPathBytesMax)}`])(
  'NOTIFY_SOCKET=%j is logged and nothing is sent',
  (socket) => {
    const { log, lines } = recordingLog();
    const notifier = createNotifier({ environment: { NOTIFY_SOCKET: socket }, pid: process.pid, log });
    notifier.ready('up');
    expect(lines).toMatchObject([{ level: 50, socket }]);
  },
);

test('a path and an abstract name of the greatest length are taken', () => {
  const name = 'x'.repeat(socketPathBytesMax - 1);
  expect(parseUnixAddress(`/${name}`)).toHaveLength(2 + socketPathBytesMax + 1);
  expect(parseUnixAddress(`@x${name}`)).toHaveLength(2 + 1 + socketPathBytesMax);
});

test('without NOTIFY_SOCKET it is inert', () => {
  const { log, lines } = recordingLog();
  const notifier = createNotifier({ environment: { WATCHDOG_USEC: '1000' }, pid: process.pid, log });
  notifier.ready('up');
  notifier.mainPid(1);
  notifier.watchdog();
  expect(notifier.watchdogIntervalMs).toBeNull();
  expect(notifier.successorEnvironment).toEqual({});
  expect(lines).toEqual([]);
});

test('the watchdog is told twice as often as systemd asks, and only by the process it watches', () => {
  expect(parseWatchdogInterval({ WATCHDOG_USEC: '30000000' }, 7)).toBe(15_000);
  expect(parseWatchdogInterval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 7)).toBe(15_000);
  expect(parseWatchdogInterval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, 7)).toBeNull();
  expect(parseWatchdogInterval({ WATCHDOG_USEC: '1' }, 7)).toBe(1);
  for (const text of ['0', '', '-1', 'x', '1e9'])
    expect(parseWatchdogInterval({ WATCHDOG_USEC: text }, 7)).toBeNull();
  expect(parseWatchdogInterval({}, 7)).toBeNull();
});

test('a successor gets the socket and the watchdog, but no WATCHDOG_PID of ours', async () => {
  await using directory = await temporaryDirectory();
  const socket = path.join(directory.path, 'notify');
  const { notifier } = listening(socket, { WATCHDOG_USEC: '2000000', WATCHDOG_PID: String(process.pid) });
  expect(notifier.watchdogIntervalMs).toBe(1000);
  expect(notifier.successorEnvironment).toEqual({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000000' });
});
