// The example of docs/scripting.md, run as a person runs it.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { connect } from './index.ts';

const directory = path.resolve(import.meta.dirname, '../../../../examples/script');
const holder = { user: 'anna', host: 'laptop', pid: 7, command: 'test' };

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, words, { cwd: directory, timeout: 15_000 }, (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
const manage = (...words: string[]): Promise<Ended> =>
  run(process.execPath, '--conditions=source', 'manage.ts', ...words);

describe('examples/script', () => {
  it('has no type error', { timeout: 60_000 }, async () => {
    const tsc = path.resolve(directory, '../../node_modules/typescript/bin/tsc');
    expect(await run(process.execPath, tsc, '-p', '.')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('prints what runs', async () => {
    const service = createMemoryService();
    service.write('shop', 'hello');
    await using server = await startTestServer({ service });
    const { exitCode, stdout } = await manage(server.socketPath, 'status');
    expect(stdout.split('\n')).toEqual([
      `tako-server 0.1.0 on test, pid ${process.pid}, normal`,
      'shop\tv1\trunning\t0 of 1 healthy',
      '',
    ]);
    expect(exitCode).toBe(0);
    expect(service.calls.map((call) => call.procedure)).toEqual(['status']);
  });

  it('scales and restarts under the lock, and leaves none', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    expect((await manage(server.socketPath, 'scale', 'shop', '3')).stdout).toContain(
      'done: 3 instances of v1',
    );
    expect((await manage(server.socketPath, 'restart', 'shop')).stdout).toContain('shop-1 (v1): healthy');
    expect(await client.api.unlock.mutate({ deploymentId: 'shop' })).toEqual({ previous: null });
  });

  it('waits for a lock that somebody else holds', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const { token } = await client.api.acquire_lock.mutate({ deploymentId: 'shop', holder });
    const refused = Promise.withResolvers<void>();
    server.server.on('request', (request: { url?: string }) => {
      if (request.url?.startsWith('/trpc/acquire_lock') === true) refused.resolve();
    });
    const restarting = manage(server.socketPath, 'restart', 'shop');
    await refused.promise;
    await client.api.release_lock.mutate({ deploymentId: 'shop', token });
    expect(await restarting).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('done') });
  });

  it('says what went wrong, with the exit codes of the tako command', async () => {
    await using server = await startTestServer();
    const unreachable = await manage('/nowhere.sock', 'status');
    expect(unreachable).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('SERVER_UNREACHABLE: cannot connect'),
    });
    const invalid = await manage(server.socketPath, 'scale', 'shop', '-1');
    expect(invalid).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('INVALID_INPUT: scale: instances is -1'),
    });
    expect(await manage(server.socketPath, 'restart', 'missing')).toMatchObject({ exitCode: 3 });
    expect(await manage(server.socketPath, 'dance')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('usage'),
    });
  });
});
