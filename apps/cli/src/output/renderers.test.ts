import { expect, it, vi } from 'vitest';
import type { CliEvent, TimelessEvent } from './events.ts';
import { createPlainRenderer } from './plain-renderer.ts';
import type { Renderer } from './renderer.types.ts';
import { plainStyle } from './style.ts';
import { createTreeRenderer } from './tree-renderer.ts';
import { displayWidth } from './text.ts';
import { createVerboseRenderer } from './verbose-renderer.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const story: readonly TimelessEvent[] = [
  { type: 'task.started', task: 't1', parent: null, title: 'Send', server: null },
  { type: 'task.started', task: 't2', parent: 't1', title: 'Upload', server: 'web1' },
  { type: 'task.progressed', task: 't2', doneBytes: 0, totalBytes: 1024 },
  { type: 'task.progressed', task: 't2', doneBytes: 512, totalBytes: 1024 },
  { type: 'task.printed', task: 't2', stream: 'stdout', text: 'a \u001b[31mline' },
  { type: 'warned', code: 'SOME_CODE', message: 'look', hint: 'do this', server: 'web1' },
  { type: 'task.ended', task: 't2', outcome: 'failed', note: 'no space', durationMs: 1500 },
  { type: 'task.ended', task: 't1', outcome: 'failed', note: null, durationMs: 1600 },
];

/* oxlint-disable no-control-regex -- the escapes are what is read here */
/** A terminal of the given size: the bytes, and what they leave on the screen. */
function fakeScreen(columns = 80, rows = 24) {
  let bytes = '';
  const screen = { write: (text: string) => void (bytes += text), columns: () => columns, rows: () => rows };
  const visible = (): string => {
    const lines: string[] = [''];
    for (const [token] of bytes.matchAll(/\u001b\[\d*[A-Za-z]|\u001b\[\?25[lh]|\r|\n|[^\u001b\r\n]+/g)) {
      const up = /^\u001b\[(\d+)A$/.exec(token);
      if (up) lines.length = Math.max(1, lines.length - Number(up[1]));
      if (up) lines[lines.length - 1] = '';
      else if (token === '\n') lines.push('');
      else if (!token.startsWith('\u001b') && token !== '\r') lines[lines.length - 1] += token;
    }
    return lines.join('\n');
  };
  return { screen, bytes: () => bytes, visible };
}

const play = (renderer: Renderer, events: readonly TimelessEvent[] = story): void => {
  for (const event of events) renderer.handle({ ...event, at } satisfies CliEvent);
};

it('writes plain lines without an escape', () => {
  const { screen, bytes } = fakeScreen();
  const renderer = createPlainRenderer({ screen, style: plainStyle });
  play(renderer);
  renderer.close();
  expect(bytes()).toBe(
    [
      '-> Send',
      '-> Send > [web1] Upload',
      '   | a line',
      'warning: [web1] look (SOME_CODE)',
      '         do this',
      'FAILED Send > [web1] Upload (1.5 s): no space',
      'FAILED Send (1.6 s)',
      '',
    ].join('\n'),
  );
});

it('says every 10 s that it is still at it', () => {
  vi.useFakeTimers({ now: at });
  const { screen, bytes } = fakeScreen();
  const renderer = createPlainRenderer({ screen, style: plainStyle });
  play(renderer, story.slice(0, 4));
  vi.advanceTimersByTime(20_500);
  renderer.close();
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(
    bytes().match(/\.\.\. still running: Send > \[web1\] Upload \(10\.0 s, 512 B of 1\.0 KiB, 51 B\/s\)/g),
  ).toHaveLength(1);
  expect(bytes().match(/still running/g)).toHaveLength(2);
});

it('says so also while bytes move, with their rate, to which what was there before does not count', () => {
  vi.useFakeTimers({ now: at });
  const { screen, bytes } = fakeScreen();
  const renderer = createPlainRenderer({ screen, style: plainStyle });
  play(renderer, story.slice(0, 2));
  for (let second = 0; second <= 10; second += 1) {
    const doneBytes = 5000 + 10 * second;
    const event = { type: 'task.progressed', task: 't2', doneBytes, totalBytes: 10_000 } as const;
    renderer.handle({ ...event, at: Date.now() });
    vi.advanceTimersByTime(1000);
  }
  renderer.close();
  vi.useRealTimers();
  expect(bytes()).toMatch(/still running: .* \(10\.0 s, 5\.0 KiB of 9\.8 KiB, 9 B\/s\)/);
});

it('writes every event with its time when verbose', () => {
  const { screen, bytes } = fakeScreen();
  play(createVerboseRenderer({ screen, style: plainStyle }));
  const lines = bytes().trimEnd().split('\n');
  expect(lines).toHaveLength(9);
  expect(lines[3]).toBe('03:04:05.678 Send > [web1] Upload: 512 B of 1.0 KiB (50 %)');
  expect(lines.every((line) => line.startsWith('03:04:05.678 '))).toBe(true);
});

it('redraws a tree in place, keeps warnings above it, and gives the cursor back', () => {
  vi.useFakeTimers({ now: at });
  const { screen, bytes, visible } = fakeScreen();
  const renderer = createTreeRenderer({ screen, style: plainStyle });
  play(renderer, story.slice(0, 5));
  vi.advanceTimersByTime(960);
  expect(visible()).toMatch(
    /^\S Send {2}960 ms\n {2}\S web1: Upload {2}━{8}─{8} 512 B of 1\.0 KiB, 533 B\/s, 960 ms\n {4}│ a line\n$/,
  );
  play(renderer, story.slice(5));
  renderer.close();
  renderer.close();
  vi.useRealTimers();
  expect(visible()).toBe(
    [
      'warning: [web1] look (SOME_CODE)',
      '         do this',
      '✗ Send  1.6 s',
      '  ✗ web1: Upload  no space, 1.5 s',
      '    │ a line',
      '',
    ].join('\n'),
  );
  expect(bytes().endsWith('\u001b[?25h')).toBe(true);
});

it('never writes a row wider or a frame higher than the terminal', () => {
  const { screen, visible } = fakeScreen(30, 8);
  const renderer = createTreeRenderer({ screen, style: plainStyle });
  const many = Array.from({ length: 20 }, (_, index): TimelessEvent => ({
    type: 'task.started',
    task: `t${index}`,
    parent: null,
    title: `A task with a title that is far too long ${index}`,
    server: null,
  }));
  play(renderer, many);
  const lines = visible().trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(7);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(29);
  renderer.close();
});

it('folds what is done into one row, keeps the servers of the last phase, and opens what failed', () => {
  const { screen, visible } = fakeScreen();
  const renderer = createTreeRenderer({ screen, style: plainStyle });
  const started = (
    task: string,
    parent: string | null,
    title: string,
    server: string | null,
  ): TimelessEvent => ({
    type: 'task.started',
    task,
    parent,
    title,
    server,
  });
  const ended = (task: string, outcome: 'done' | 'failed', note: string | null): TimelessEvent => ({
    type: 'task.ended',
    task,
    outcome,
    note,
    durationMs: 2000,
  });
  play(renderer, [
    started('b', null, 'Build', null),
    started('b1', 'b', 'Install', null),
    ended('b1', 'done', null),
    ended('b', 'done', null),
    started('r', null, 'Roll out', null),
    started('w1', 'r', 'web1', 'web1'),
    started('i1', 'w1', 'instance 1 of 1', null),
    ended('i1', 'done', null),
    ended('w1', 'done', '1 instance'),
    started('w2', 'r', 'web2', 'web2'),
    started('i2', 'w2', 'instance 1 of 1', null),
    ended('i2', 'failed', 'not healthy'),
    ended('w2', 'failed', 'not healthy'),
    ended('r', 'failed', '1/2 servers'),
  ]);
  renderer.close();
  expect(visible()).toBe(
    [
      '✓ Build  2.0 s',
      '✗ Roll out  1/2 servers, 2.0 s',
      '  ✓ web1  1 instance, 2.0 s',
      '  ✗ web2  not healthy, 2.0 s',
      '    ✗ instance 1 of 1  not healthy, 2.0 s',
      '',
    ].join('\n'),
  );
});

it('keeps wide characters and the elapsed time within 40 columns', () => {
  const { screen, visible } = fakeScreen(40, 20);
  const renderer = createTreeRenderer({ screen, style: plainStyle });
  play(renderer, [
    { type: 'task.started', task: 'b', parent: null, title: 'Build', server: null },
    { type: 'task.noted', task: 'b', note: '日本語のビルドを実行しています、しばらくお待ちください' },
    {
      type: 'task.printed',
      task: 'b',
      stream: 'stdout',
      text: '📦 パッケージをインストールしています、しばらくお待ち',
    },
    {
      type: 'task.ended',
      task: 'b',
      outcome: 'failed',
      note: '日本語のビルドを実行しています、しばらく',
      durationMs: 61_000,
    },
  ]);
  renderer.close();
  const lines = visible().trimEnd().split('\n');
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(39);
  expect(lines[0]).toMatch(/^✗ Build {2}日本語.*…, 1 min 01 s$/);
  expect(lines[1]).toMatch(/^ {2}│ 📦 パッケージ.*…$/);
});

it('leaves the terminal alone while it is lent', () => {
  vi.useFakeTimers({ now: at });
  const { screen, bytes } = fakeScreen();
  const renderer = createTreeRenderer({ screen, style: plainStyle });
  play(renderer, [...story.slice(0, 2), { type: 'terminal.lent' }]);
  const before = bytes();
  expect(before.endsWith('\u001b[?25h')).toBe(true);
  vi.advanceTimersByTime(5000);
  expect(bytes()).toBe(before);
  play(renderer, [{ type: 'terminal.returned' }]);
  vi.advanceTimersByTime(200);
  expect(bytes().length).toBeGreaterThan(before.length);
  renderer.close();
  vi.useRealTimers();
});
