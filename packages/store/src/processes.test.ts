// What only several processes can show: races and sudden death.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from './open-store.ts';
import { sampleDeployment } from './testing/sample-records.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';

const fixture = (name: string) => path.join(import.meta.dirname, 'testing', 'fixtures', `${name}.ts`);
const execArgv = ['--conditions=source', '--no-warnings=ExperimentalWarning'];

const nextMessage = (child: ChildProcess): Promise<{ got: string[] }> =>
  new Promise((resolve) => {
    child.once('message', (message: { got: string[] }) => resolve(message));
  });

describe('two processes', () => {
  it('that race for leases get each of them exactly once', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    openStore({ file }).close();
    const children = ['a', 'b'].map((name) =>
      fork(fixture('race-for-lease'), [file, `token-${name}-0123456789`], { execArgv }),
    );
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = Promise.all(children.map((child) => nextMessage(child)));
    const exits = Promise.all(children.map((child) => once(child, 'exit')));
    for (const child of children) child.send('go');
    const got = (await answers).flatMap((answer) => answer.got);
    await exits;
    expect(got).toHaveLength(100);
    expect(new Set(got).size).toBe(100);
  });

  it('that both make the file agree on one schema', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    const children = ['a', 'b', 'c'].map((name) =>
      fork(fixture('race-for-lease'), [file, name], { execArgv }),
    );
    const ready = await Promise.all(children.map((child) => once(child, 'message')));
    expect(ready.map(([message]) => message)).toEqual(['ready', 'ready', 'ready']);
    const exits = Promise.all(children.map((child) => once(child, 'exit')));
    for (const child of children) child.send('go');
    await exits;
  });
});

describe('a process killed in mid-transaction', () => {
  it('leaves the state before it', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    const child = fork(fixture('die-in-transaction'), [file], { execArgv });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    const store = openStore({ file });
    expect(store.deployments.get('shop')).toEqual(sampleDeployment({ currentVersion: 'v1' }));
    expect(store.state.get('half')).toBeUndefined();
    store.close();
  });
});
