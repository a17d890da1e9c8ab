import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openAppLog } from './app-log.ts';
import { limits } from './limits.ts';
import { formatLogEntry, type LogEntry, type LogEvent } from './log-entry.ts';
import { readAppLog } from './log-history.ts';
import { tempDir } from './testing.ts';

let clock = Date.UTC(2026, 0, 1);

function entry(text: string): LogEntry {
  clock += 1;
  return {
    type: 'entry',
    position: clock * 1000,
    at: clock,
    stream: 'stdout',
    instance: 'demo-1',
    version: 'v1',
    text,
  };
}

async function texts(events: AsyncIterable<LogEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const event of events) {
    if (event.type === 'following') continue;
    found.push(event.type === 'entry' ? event.text : `skipped ${event.lines}`);
  }
  return found;
}

const all = { lines: limits.logHistoryLinesMax };

test('lines are written as JSON in order, and read back', async () => {
  await using directory = tempDir();
  await using log = openAppLog(path.join(directory.path, 'logs'));
  expect(existsSync(log.dir)).toBe(false);
  const entries = ['one', 'zwölf 😀', 'tab\t"quoted"', ''].map(entry);
  for (const each of entries) log.append(each);
  const read: LogEvent[] = [];
  for await (const each of log.read(all)) read.push(each);
  const positions = read.map(({ position }) => position);
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect(new Set(positions).size).toBe(entries.length);
  expect(read).toEqual(entries.map((each, index) => ({ ...each, position: positions[index] })));
  const [first] = readFileSync(path.join(log.dir, 'current.log'), 'utf8').split('\n');
  expect(JSON.parse(first ?? '')).toEqual({
    time: new Date(entries[0]!.at).toISOString(),
    position: positions[0],
    stream: 'stdout',
    instance: 'demo-1',
    version: 'v1',
    text: 'one',
  });
  expect(statSync(path.join(log.dir, 'current.log')).mode & 0o777).toBe(0o640);
});

test('the newest lines are chosen, and those since a time', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  const entries = Array.from({ length: 10 }, (_, index) => entry(`line ${index}`));
  for (const each of entries) log.append(each);
  expect(await texts(log.read({ lines: 0 }))).toEqual([]);
  expect(await texts(log.read({ lines: 2 }))).toEqual(['line 8', 'line 9']);
  expect(await texts(log.read({ lines: 10 }))).toHaveLength(10);
  expect(await texts(log.read({ lines: 99 }))).toHaveLength(10);
  expect(await texts(log.read({ ...all, since: entries[7]!.at }))).toEqual(['line 7', 'line 8', 'line 9']);
  expect(await texts(log.read({ lines: 1, since: entries[7]!.at }))).toEqual(['line 9']);
});

test('an app without a log has no history', async () => {
  await using directory = tempDir();
  expect(await texts(readAppLog(path.join(directory.path, 'none'), all))).toEqual([]);
});

/** About 1 MB in 16 lines of 64 KiB. */
function megabyte(from: number): LogEntry[] {
  return Array.from({ length: 16 }, (_, index) => entry(`${from * 16 + index} ${'x'.repeat(65_000)}`));
}

async function fill(log: ReturnType<typeof openAppLog>, megabytes: number, startAt = 0): Promise<void> {
  for (let count = 0; count < megabytes; count += 1) {
    for (const each of megabyte(startAt + count)) log.append(each);
    // Waits for the writer at this point, as the queue is bounded.
    await texts(log.read({ lines: 0 }));
  }
}

test('files rotate by rename at 10 MiB, five are kept, history runs over all of them', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  await fill(log, 62);
  expect(readdirSync(directory.path).toSorted()).toEqual([
    'current.log',
    'current.log.1',
    'current.log.2',
    'current.log.3',
    'current.log.4',
  ]);
  for (const name of readdirSync(directory.path)) {
    expect(statSync(path.join(directory.path, name)).size).toBeLessThanOrEqual(limits.logFileBytesMax);
  }
  const numbers = (await texts(log.read(all))).map((text) => Number.parseInt(text, 10));
  expect(numbers.at(-1)).toBe(62 * 16 - 1);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  expect(numbers.length).toBeGreaterThan(40 * 16);
  const newest = await texts(log.read({ lines: 500 }));
  expect(newest).toHaveLength(500);
  expect(Number.parseInt(newest[0] ?? '', 10)).toBe(62 * 16 - 500);
});

test('following gives history and then every line once, over rotations', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  await fill(log, 9);
  const stop = new AbortController();
  const seen: number[] = [];
  const enough = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const event of log.follow({ lines: 20 }, stop.signal)) {
      if (event.type === 'following') continue;
      seen.push(event.type === 'entry' ? Number.parseInt(event.text, 10) : Number.NaN);
      if (seen.at(-1) === 33 * 16 - 1) enough.resolve();
    }
  })();
  await fill(log, 24, 9);
  await enough.promise;
  stop.abort();
  await following;
  const first = 9 * 16 - 20;
  expect(seen[0]).toBeGreaterThanOrEqual(first);
  expect(seen).toEqual(seen.map((_, index) => (seen[0] ?? 0) + index));
  expect(seen.at(-1)).toBe(33 * 16 - 1);
});

test('a follower that begins in the middle of a burst misses nothing and gets nothing twice', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  const stop = new AbortController();
  const followers = Array.from({ length: 20 }, async (_, number) => {
    for (let count = 0; count < 50; count += 1) log.append(entry(`${number * 50 + count}`));
    const seen: number[] = [];
    for await (const event of log.follow(all, stop.signal)) {
      if (event.type === 'following') continue;
      seen.push(event.type === 'entry' ? Number(event.text) : Number.NaN);
      if (seen.at(-1) === 999) break;
    }
    return seen;
  });
  const expected = Array.from({ length: 1_000 }, (_, index) => index);
  for (const seen of await Promise.all(followers)) expect(seen).toEqual(expected);
});

test('a slow reader skips lines and is told how many', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  const stop = new AbortController();
  const events = log.follow({ lines: 0 }, stop.signal);
  expect((await events.next()).value).toMatchObject({ type: 'following' });
  const first = events.next();
  await texts(log.read({ lines: 0 }));
  log.append(entry('first'));
  expect((await first).value).toMatchObject({ text: 'first' });
  // What is taken for reading still counts as waiting.
  for (let count = 0; count < limits.logFollowerEntriesMax + 25; count += 1) log.append(entry(`${count}`));
  let read = 0;
  for (; read < limits.logFollowerEntriesMax; read += 1)
    expect((await events.next()).value).toMatchObject({ text: `${read}` });
  expect((await events.next()).value).toMatchObject({ type: 'skipped', lines: 25 });
  log.append(entry('after the gap'));
  expect((await events.next()).value).toMatchObject({ text: 'after the gap' });
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

test('waiting text is bounded too', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  const events = log.follow({ lines: 0 }, new AbortController().signal);
  expect((await events.next()).value).toMatchObject({ type: 'following' });
  const first = events.next();
  await texts(log.read({ lines: 0 }));
  log.append(entry('first'));
  await first;
  const each = 64 * 1024;
  const fitting = limits.logFollowerCharactersMax / each;
  for (let count = 0; count < fitting + 3; count += 1) log.append(entry('x'.repeat(each)));
  for (let count = 0; count < fitting; count += 1)
    expect((await events.next()).value).toMatchObject({ type: 'entry' });
  expect((await events.next()).value).toMatchObject({ type: 'skipped', lines: 3 });
  await events.return(undefined);
});

test('followers end when the log is closed, and are limited', async () => {
  await using directory = tempDir();
  const log = openAppLog(directory.path);
  const never = new AbortController().signal;
  const followers = Array.from({ length: limits.logFollowersMax }, () =>
    texts(log.follow({ lines: 5 }, never)),
  );
  await expect(texts(log.follow({ lines: 5 }, never))).rejects.toMatchObject({
    code: 'LOG_FOLLOWERS_EXCEEDED',
  });
  log.append(entry('last words'));
  await log.close();
  for (const seen of await Promise.all(followers)) expect(seen).toEqual(['last words']);
});

test('a line torn by a crash is passed over and does not spoil the next one', async () => {
  await using directory = tempDir();
  const file = path.join(directory.path, 'current.log');
  writeFileSync(file, `${formatLogEntry(entry('whole'))}{"time":"2026-01-01T00:00:0`);
  await using log = openAppLog(directory.path);
  log.append(entry('next'));
  expect(await texts(log.read(all))).toEqual(['whole', 'next']);
});

test('what somebody wrote into the file by hand is passed over', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  log.append(entry('one'));
  await texts(log.read(all));
  const wrong = { time: 'never', stream: 'stdout', instance: 'i', version: 'v', text: 't' };
  const lines = [
    'hello',
    '[]',
    'null',
    '{}',
    JSON.stringify(wrong),
    JSON.stringify({ ...wrong, time: '2026-01-01', stream: 'stdin' }),
  ];
  appendFileSync(path.join(directory.path, 'current.log'), `${lines.join('\n')}\n`);
  log.append(entry('two'));
  expect(await texts(log.read(all))).toEqual(['one', 'two']);
});

test('more than the queue holds is dropped and counted, never waited for', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  const text = 'x'.repeat(60_000);
  for (let count = 0; count < 1_000; count += 1) log.append(entry(text));
  expect(log.dropped).toBeGreaterThan(0);
  const dropped = log.dropped;
  const lines = await texts(log.read(all));
  expect(lines.filter((line) => line === text)).toHaveLength(1_000 - dropped);
  expect(lines).toContain(`${dropped} lines dropped: the disk is too slow`);
  expect(log.dropped).toBe(0);
});

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)(
  'a full disk drops lines with a count, tears none, and is recovered from without being asked',
  async () => {
    await using directory = tempDir();
    const mount = path.join(directory.path, 'small');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', mount]);
    try {
      await using log = openAppLog(path.join(mount, 'logs'));
      log.append(entry('before'));
      await texts(log.read(all));
      writeFileSync(path.join(mount, 'ballast'), Buffer.alloc(100 * 1024));
      for (let count = 0; count < 40; count += 1) log.append(entry(`lost ${'y'.repeat(8_000)}`));
      await texts(log.read(all));
      expect(log.dropped).toBe(40);
      writeFileSync(path.join(mount, 'ballast'), '');
      // No further line comes: the marker alone must make it into the file.
      await expect.poll(() => log.dropped, { timeout: 5_000 }).toBe(0);
      log.append(entry('after'));
      expect(await texts(log.read(all))).toEqual([
        'before',
        '40 lines dropped: the log could not be written (ENOSPC)',
        'after',
      ]);
    } finally {
      execFileSync('umount', [mount]);
    }
  },
);

test('the app cannot make the daemon write elsewhere or wait: links and FIFOs in its directory are refused', async () => {
  await using directory = tempDir();
  const target = path.join(directory.path, 'precious');
  writeFileSync(target, 'untouched');
  for (const plant of [
    (file: string) => symlinkSync(target, file),
    (file: string) => execFileSync('mkfifo', [file]),
  ]) {
    await using own = tempDir();
    plant(path.join(own.path, 'current.log'));
    const log = openAppLog(own.path);
    log.append(entry('secret'));
    expect(await texts(log.read(all))).toEqual([]);
    expect(log.dropped).toBe(1);
    await log.close();
  }
  expect(readFileSync(target, 'utf8')).toBe('untouched');
});

test('closing writes what is queued, twice is once, and later lines are only counted', async () => {
  await using directory = tempDir();
  const log = openAppLog(directory.path);
  for (let count = 0; count < 1_000; count += 1) log.append(entry(`${count}`));
  await Promise.all([log.close(), log.close()]);
  expect(await texts(readAppLog(directory.path, all))).toHaveLength(1_000);
  log.append(entry('late'));
  expect(log.dropped).toBe(1);
  await log.close();
  expect((await texts(readAppLog(directory.path, all))).at(-1)).toBe(
    '1 line dropped: they came after the end',
  );
});

/** Reads until the text came, and says the position of the last event. */
async function readUntil(events: AsyncIterable<LogEvent>, text: string): Promise<number> {
  for await (const event of events) if (event.type === 'entry' && event.text === text) return event.position;
  throw new Error(`ended before ${text}`);
}

test('a reader goes on behind the last position it has, over another writer and a rotation', async () => {
  await using directory = tempDir();
  const never = new AbortController().signal;
  const first = openAppLog(directory.path);
  for (const text of ['one', 'two', 'three']) first.append(entry(text));
  const position = await readUntil(first.follow(all, never), 'two');
  await first.close();
  await using second = openAppLog(directory.path);
  second.append(entry('four'));
  expect(await texts(second.read({ lines: 0, after: position }))).toEqual(['three', 'four']);
  await fill(second, 12);
  expect(existsSync(path.join(directory.path, 'current.log.1'))).toBe(true);
  const rest = await texts(second.read({ lines: 0, after: position }));
  expect(rest.slice(0, 2)).toEqual(['three', 'four']);
  expect(rest).toHaveLength(2 + 12 * 16);
});

test('a follower that begins behind a position gets what came meanwhile, then that it follows', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  for (const text of ['one', 'two']) log.append(entry(text));
  const position = await readUntil(log.follow(all, new AbortController().signal), 'one');
  const events = log.follow({ lines: 0, after: position }, new AbortController().signal);
  const next = async (): Promise<LogEvent> => (await events.next()).value as LogEvent;
  const two = await next();
  expect(two).toMatchObject({ type: 'entry', text: 'two' });
  expect(await next()).toEqual({ type: 'following', position: two.position });
  log.append(entry('three'));
  expect(await next()).toMatchObject({ text: 'three' });
  await events.return(undefined);
});

test('a reader whose place was rotated away is told so; one of a log that began anew is not', async () => {
  await using directory = tempDir();
  await using log = openAppLog(directory.path);
  log.append(entry('long ago'));
  const position = await readUntil(log.read(all), 'long ago');
  log.append(entry('lost'));
  await fill(log, 62);
  const seen = await texts(log.read({ lines: 0, after: position }));
  expect(seen[0]).toBe('skipped null');
  expect(seen.length).toBeGreaterThan(40 * 16);
  await using other = tempDir();
  await using anew = openAppLog(other.path);
  anew.append(entry('hello'));
  expect(await texts(anew.read({ lines: 0, after: position }))).toEqual(['hello']);
});

test('positions grow though the clock was set back, and lines without one stand at their time', async () => {
  await using directory = tempDir();
  const future = Date.now() + 3_600_000;
  const line = (at: number, more: object) =>
    `${JSON.stringify({ time: new Date(at).toISOString(), ...more, stream: 'stdout', instance: 'i', version: 'v', text: 't' })}\n`;
  writeFileSync(
    path.join(directory.path, 'current.log'),
    line(1_000, {}) + line(future, { position: future * 1000 }),
  );
  await using log = openAppLog(directory.path);
  log.append(entry('now'));
  const read: LogEvent[] = [];
  for await (const event of log.read(all)) read.push(event);
  expect(read.map(({ position }) => position)).toEqual([1_000_000, future * 1000, future * 1000 + 1]);
});
