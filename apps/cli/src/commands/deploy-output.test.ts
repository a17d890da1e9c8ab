// What a program and a CI log get of a deploy, exactly: plain lines on stderr, the URLs alone on stdout, the exit code.
import type { RolloutEvent } from '@tako/protocol';
import { expect, it } from 'vitest';
import { createTestProject } from '../testing/run-tako.ts';
import { startScriptedServer } from '../testing/scripted-server.ts';

/** Durations and versions are of the run. */
const steady = (text: string): string =>
  text
    .replaceAll(/\d+(?:\.\d+)? (?:ms|s)\b/g, 'N s')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'VERSION')
    .replaceAll(/\d+ B\b/g, 'N B');

async function* failing(version: string): AsyncGenerator<RolloutEvent> {
  const at = Date.now();
  yield { type: 'started', rolloutId: 'r-1', kind: 'deploy', from: 'v-old', to: version, steps: 1, at };
  yield { type: 'reverting', reason: 'exited with code 3', at };
  yield {
    type: 'rolledBack',
    rolloutId: 'r-1',
    code: 'INSTANCE_EXITED',
    reason: 'exited with code 3',
    evidence: {
      instance: 'demo-1',
      phase: 'readiness',
      exitCode: 3,
      signal: null,
      probe: null,
      listening: null,
      lastLines: ['cannot find my database'],
    },
    durationMs: 1,
  };
}

it('writes plain lines that say each start and end, and the URL', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes']);
  expect(run).toMatchObject({ exitCode: 0, stdout: 'https://demo.example.com/\n' });
  const lines = steady(run.stderr).trimEnd().split('\n');
  // The build and the checks go side by side: each in its own order.
  const of = (word: string): string[] => lines.filter((line) => line.includes(word));
  expect(of('Build')).toEqual([
    '-> Build',
    '-> Build > Copy sources',
    'ok Build > Copy sources (N s): 2 files',
    '-> Build > Archive',
    'ok Build > Archive (N s): 2 entries, N B',
    'ok Build (N s)',
  ]);
  expect(of('Check servers')).toEqual([
    '-> Check servers',
    '-> Check servers > [web1]',
    'ok Check servers > [web1] (N s)',
    'ok Check servers (N s)',
  ]);
  expect(lines.filter((line) => !/Build|Check servers/.test(line))).toEqual([
    '-> Plan',
    'ok Plan (N s)',
    '-> Send',
    '-> Send > [web1]',
    '-> Send > [web1] > Upload',
    'ok Send > [web1] > Upload (N s): N B',
    '-> Send > [web1] > Prepare',
    'ok Send > [web1] > Prepare (N s)',
    'ok Send > [web1] (N s)',
    'ok Send (N s)',
    '-> Roll out',
    '-> Roll out > [web1]',
    '-> Roll out > [web1] > instance 1 of 1',
    'ok Roll out > [web1] > instance 1 of 1 (N s)',
    'ok Roll out > [web1] (N s): 1 instance',
    'ok Roll out (N s): VERSION',
    'deployed demo VERSION to 1 server in N s (build N s, send N s, rollout N s; 0 connections cut)',
  ]);
});

it('tells a failed one in full, with nothing on stdout', async () => {
  await using server = await startScriptedServer({
    overrides: { deploy: ({ version }) => failing(version) },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes']);
  expect(run).toMatchObject({ exitCode: 7, stdout: '' });
  expect(steady(run.stderr.slice(run.stderr.indexOf('-> Roll out')))).toBe(`-> Roll out
-> Roll out > [web1]
-> Roll out > [web1] > instance 1 of 1
FAILED Roll out > [web1] > instance 1 of 1 (N s): exited with code 3
FAILED Roll out > [web1] (N s): exited with code 3
FAILED Roll out (N s): 0/1 servers
error: the rollout on web1 was reverted: exited with code 3
  The version before (v-old) still serves.
  The new instance (demo-1) failed while waiting for it to be ready.
  It exited with code 3.
  Its last output:
    | cannot find my database
next:  Fix what the output says, and deploy again: tako deploy
code:  INSTANCE_EXITED  (tako explain INSTANCE_EXITED)
`);
});
