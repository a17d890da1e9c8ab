import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

test('descriptors of whoever started the daemon are closed, but for those it was given on purpose', () => {
  const module = path.join(import.meta.dirname, 'inherited-descriptors.ts');
  const source = `
    import { spawnSync } from 'node:child_process';
    import { closeInheritedDescriptors, findInheritedDescriptors } from ${JSON.stringify(module)};
    const inChild = () => spawnSync('/bin/ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout.split('\\n').map(Number);
    const before = inChild().filter((fd) => fd > 99);
    const closed = closeInheritedDescriptors(new Set([101]));
    console.log(JSON.stringify({ before, closed, after: inChild().filter((fd) => fd > 99), again: findInheritedDescriptors() }));
  `;
  const node = [process.execPath, '--no-warnings', '--input-type=module-typescript', '-e', source];
  // Only bash opens descriptors above 9; what this test run itself inherited is closed first.
  const script =
    'for fd in /proc/$$/fd/*; do n=${fd##*/}; [ "$n" -gt 2 ] && [ "$n" -ne 255 ] && eval "exec $n>&-"; done; exec 100</dev/null 101</dev/null "$@"';
  const { stdout, stderr } = spawnSync('/bin/bash', ['-c', script, 'bash', ...node], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ before: [100, 101], closed: [100], after: [101], again: [101] });
});
