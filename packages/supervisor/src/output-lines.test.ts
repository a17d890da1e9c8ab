import { expect, test } from 'vitest';
import type { OutputLine } from './instance.types.ts';
import { limits } from './limits.ts';
import { OutputLines, parseReadinessLine } from './output-lines.ts';

function collect(): { lines: OutputLine[]; ports: number[]; output: OutputLines } {
  const lines: OutputLine[] = [];
  const ports: number[] = [];
  const output = new OutputLines({ onLine: (line) => lines.push(line), onReady: (port) => ports.push(port) });
  return { lines, ports, output };
}

test.each([
  ['TAKO:READY:1', 1],
  ['TAKO:READY:65535', 65_535],
  ['TAKO:READY:65536', null],
  ['TAKO:READY:0', null],
  ['TAKO:READY:080', null],
  ['TAKO:READY:', null],
  ['TAKO:READY:80x', null],
  ['TAKO:READY:123456', null],
  [' TAKO:READY:80', null],
  ['tako:ready:80', null],
])('%j says the port %s', (line, port) => {
  expect(parseReadinessLine(Buffer.from(line))).toBe(port);
});

test('the first readiness line on stdout is taken out; on stderr, or later, it is ordinary output', () => {
  const { lines, ports, output } = collect();
  output.push('stderr', Buffer.from('TAKO:READY:1111\n'));
  output.push('stdout', Buffer.from('hello\nTAKO:READY:22'));
  output.push('stdout', Buffer.from('22\r\nTAKO:READY:3333\n'));
  output.end();
  expect(ports).toEqual([2222]);
  expect(lines.map(({ stream, text }) => `${stream} ${text}`)).toEqual([
    'stderr TAKO:READY:1111',
    'stdout hello',
    'stdout TAKO:READY:3333',
  ]);
});

test('a flood is dropped with the exact count, before and after readiness', () => {
  for (const ready of [false, true]) {
    const { lines, output } = collect();
    if (ready) output.push('stdout', Buffer.from('TAKO:READY:80\n'));
    const chunk = Buffer.from(`${'x'.repeat(999)}\n`.repeat(1000));
    for (let sent = 0; sent < 100; sent += 1) output.push('stdout', chunk);
    output.end();
    const kept = lines.filter(({ stream }) => stream === 'stdout').length;
    const dropped = lines
      .filter(({ stream }) => stream === 'tako')
      .map(({ text }) => Number(/^\d+/.exec(text)?.[0]));
    expect(dropped.length).toBeGreaterThan(0);
    expect(kept + dropped.reduce((sum, count) => sum + count, 0)).toBe(100_000);
    expect(kept).toBeGreaterThanOrEqual(limits.outputBytesPerSecondMax / 1_000);
  }
});

test('the readiness line is found behind a flood', () => {
  const { ports, output } = collect();
  output.push('stdout', Buffer.from(`${'x'.repeat(999)}\n`.repeat(25_000)));
  output.push('stdout', Buffer.from('TAKO:READY:4444\n'));
  output.end();
  expect(ports).toEqual([4444]);
});

test('a flood that simply stops still gets its marker', async () => {
  const marker = Promise.withResolvers<string>();
  const onLine = ({ stream, text }: OutputLine): void => void (stream === 'tako' && marker.resolve(text));
  const output = new OutputLines({ onLine, onReady: () => undefined });
  output.push('stdout', Buffer.from('\n'.repeat(limits.outputLinesPerSecondMax + 7)));
  expect(await marker.promise).toMatch(/^7 lines dropped: /);
  output.end();
});

test('the last lines are kept as evidence, fifty of them, each shortened', () => {
  const { lines, output } = collect();
  for (let count = 1; count <= 60; count += 1)
    output.push('stderr', Buffer.from(`${count} ${'y'.repeat(5_000)}\n`));
  expect(output.lastLines).toHaveLength(limits.evidenceLinesMax);
  expect(output.lastLines[0]).toMatch(/^11 y/);
  expect(output.lastLines.every((line) => line.length === limits.evidenceLineCharactersMax)).toBe(true);
  expect(lines[59]?.text).toHaveLength(5_003);
  output.end();
});
