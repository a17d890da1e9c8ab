// What `npm start` prints: one line a step with its time, and a small table.

export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}

export function say(mark: string, text: string, seconds: number | null): void {
  process.stdout.write(`  ${mark} ${text}${seconds === null ? '' : ` (${seconds.toFixed(1)} s)`}\n`);
}

export function table(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) process.stdout.write(`  ${name.padEnd(width)}  ${value}\n`);
}
