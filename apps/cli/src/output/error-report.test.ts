import { TakoError } from '@tako/config/tako-error';
import { expect, it } from 'vitest';
import { errorLines } from './error-report.ts';
import { colorStyle, plainStyle } from './style.ts';
import { displayWidth } from './text.ts';

const failure = (server: string, lastLines: readonly string[]) => ({
  server,
  code: 'INSTANCE_UNHEALTHY',
  message: `the rollout on ${server} was reverted: answered 500\n  The version before (v1) still serves.`,
  hint: null,
  details: { reason: 'answered 500', lastLines },
});

it('tells each server with its own evidence, and the same output once', () => {
  const error = new TakoError(
    'PARTIAL_FAILURE',
    'the deploy succeeded on 1/3 servers and failed on:\n  web1: …',
    {
      hint: 'Finish: tako deploy',
      details: { servers: [failure('web1', ['one', 'two']), failure('web2', ['one', 'two'])] },
    },
  );
  expect(errorLines(error, { style: plainStyle, verbose: false, columns: null })).toEqual([
    'error: the deploy succeeded on 1/3 servers and failed on:',
    '  web1: answered 500 (INSTANCE_UNHEALTHY)',
    '    The version before (v1) still serves.',
    '      | one',
    '      | two',
    '  web2: answered 500 (INSTANCE_UNHEALTHY)',
    '    The version before (v1) still serves.',
    '    (the same as on web1)',
    'next:  Finish: tako deploy',
    'code:  PARTIAL_FAILURE  (tako explain PARTIAL_FAILURE)',
  ]);
});

it('breaks lines at the edge of a terminal, below where they begin', () => {
  const error = new TakoError('BUILD_FAILED', 'a message that is too long for this terminal', {
    hint: 'Fix the build, and run the same command again.',
    details: { lastLines: ['\u001b[2Jhostile \u0007output'] },
  });
  const lines = errorLines(error, { style: colorStyle, verbose: false, columns: 40 });
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(40);
  expect(lines.slice(0, 2)).toEqual([
    `${colorStyle.red('error:')} a message that is too long for`,
    '       this terminal',
  ]);
  expect(lines).toContain('    | hostile output');
  expect(lines).toContain(`${colorStyle.cyan('next: ')} Fix the build, and run the same`);
});
