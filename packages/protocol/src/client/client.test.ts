import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { collect, failureOf, logEntry } from '../testing/outcomes.ts';
import { movedOn } from '../wire/moved-on.ts';
import { connect } from './index.ts';

const holder = { user: 'anna', host: 'laptop', pid: 7, command: 'test' };

describe('the typed client', () => {
  it('asks who answers when it connects', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    expect(client.server).toMatchObject({ protocol: 1, pid: process.pid });
  });

  it('calls a query, a mutation and a mutation that streams', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const { token } = await client.api.acquire_lock.mutate({ deploymentId: 'web', holder });
    const events = await collect(client.api.scale.mutate({ deploymentId: 'web', token, instances: 3 }));
    expect(events.map((event) => event.type)).toEqual(['started', 'step', 'deployed']);
    const status = await client.api.status.query({ deploymentId: 'web' });
    expect(status.deployments[0]).toMatchObject({ deploymentId: 'web', instancesWanted: 3 });
    expect(await client.api.release_lock.mutate({ deploymentId: 'web', token })).toBeUndefined();
  });

  it('calls a query that streams, with the defaults of its schema filled in', async () => {
    const inputs: unknown[] = [];
    const service = createMemoryService({
      overrides: {
        logs: async function* (input) {
          inputs.push(input);
          yield logEntry('one');
          yield { type: 'skipped', position: 4, lines: 3 };
        },
      },
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    expect(await collect(client.api.logs.query({ deploymentId: 'web' }))).toEqual([
      logEntry('one'),
      { type: 'skipped', position: 4, lines: 3 },
    ]);
    expect(inputs).toEqual([{ deploymentId: 'web', lines: 100, follow: false }]);
  });

  it('states its caller, whatever characters are in it, bounded and without control characters', async () => {
    const service = createMemoryService();
    await using server = await startTestServer({ service });
    await using client = await connect({
      socketPath: server.socketPath,
      caller: `änna\u001b[31m\n@laptop${'x'.repeat(500)}`,
    });
    await client.api.status.query({});
    expect(service.calls[0]?.caller).toBe(`änna [31m @laptop${'x'.repeat(500)}`.slice(0, 200));
  });

  it('gives TakoErrors in the words of the server', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    await client.api.acquire_lock.mutate({ deploymentId: 'web', holder });
    const error = await failureOf(client.api.acquire_lock.mutate({ deploymentId: 'web', holder }));
    expect(error).toMatchObject({
      code: 'DEPLOYMENT_LOCKED',
      message: 'web is locked by anna@laptop',
      hint: 'Wait, or tako unlock.',
      details: { holder },
    });
  });

  it('names path, found and allowed of an invalid input', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(client.api.status.query({ deploymentId: 'Not An Id' }));
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toContain(
      'status: deploymentId is "Not An Id": a deployment id is a name, or name@env',
    );
  });

  it('never repeats a secret or a token of an invalid input', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(
      client.api.update_secrets.mutate({
        deploymentId: 'web',
        token: 'hush hush',
        secrets: { PORT: 'topsecret', A: 'topsecret'.repeat(9000) },
      }),
    );
    const text = JSON.stringify([error.message, error.hint, error.details]);
    expect(text).not.toContain('topsecret');
    expect(text).not.toContain('hush');
    expect(text).toContain('secrets.PORT');
  });

  it('answers a procedure that the server does not know with PROCEDURE_NOT_AVAILABLE', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const api = client.api as unknown as Record<string, { query(): Promise<unknown> }>;
    const error = await failureOf(api['time_travel']!.query());
    expect(error).toMatchObject({ code: 'PROCEDURE_NOT_AVAILABLE', details: { procedure: 'time_travel' } });
  });

  it('tells nothing of an unforeseen error but its incident, whose cause the server gets', async () => {
    const boom = new Error('the password is swordfish');
    const service = createMemoryService({ overrides: { list: () => Promise.reject(boom) } });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(client.api.list.query());
    expect(error.code).toBe('INTERNAL');
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toMatch(/swordfish|\.ts:/);
    expect(server.internalErrors).toEqual([
      { incidentId: error.details['incidentId'], where: 'list', cause: boom },
    ]);
    expect(error.message).toContain(String(error.details['incidentId']));
  });

  it('keeps its connection for the next call', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    for (let call = 0; call < 10; call += 1) await client.api.list.query();
    await collect(client.api.logs.query({ deploymentId: 'web' }));
    await failureOf(client.api.status.query({ deploymentId: 'missing' }));
    await client.api.list.query();
    expect(server.connections()).toBe(1);
  });

  it('makes 50 calls at once, each with its own answer', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const ids = Array.from({ length: 50 }, (_, index) => `app-${index}`);
    const answers = await Promise.all(ids.map((deploymentId) => client.api.status.query({ deploymentId })));
    expect(answers.map((answer) => answer.deployments[0]?.deploymentId)).toEqual(ids);
  });

  it('sends an input far larger than a request line', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const routes = Array.from(
      { length: 1000 },
      (_, index) => `${'a'.repeat(60)}${index}.example.com/${'p'.repeat(1900)}`,
    );
    expect(
      await client.api.preflight.query({ deploymentId: 'web', routes, arch: 'x64', artifactBytes: 0 }),
    ).toEqual({ problems: [] });
  });
});

describe('a way to the server that does not hold', () => {
  it('gives TIMED_OUT when an answer does not come in time, and ends the call at the server', async () => {
    const aborted = Promise.withResolvers<void>();
    const service = createMemoryService({
      overrides: {
        list: async (_input, { signal }) => {
          await once(signal, 'abort');
          aborted.resolve();
          return [];
        },
      },
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(client.api.list.query(undefined, { answerTimeoutMs: 50 }));
    expect(error).toMatchObject({ code: 'TIMED_OUT', details: { procedure: 'list', ms: 50 } });
    await aborted.promise;
  });

  it('gives the reason of the signal that aborted a call', async () => {
    const called = Promise.withResolvers<void>();
    const service = createMemoryService({
      overrides: {
        list: async (_input, { signal }) => {
          called.resolve();
          await once(signal, 'abort');
          return [];
        },
      },
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const abort = new AbortController();
    const reason = new Error('I left');
    const calling = client.api.list.query(undefined, { signal: abort.signal });
    await called.promise;
    abort.abort(reason);
    await expect(calling).rejects.toBe(reason);
    await expect(client.api.list.query(undefined, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });

  it('repeats a query when a kept connection turns out to be dead; a mutation never goes over a kept one', async () => {
    const mutations: string[] = [];
    const service = createMemoryService({ overrides: { cordon: async () => void mutations.push('cordon') } });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    // From here on the server cuts a reused connection when a request arrives on it.
    const seen = new Set<unknown>();
    server.server.prependListener('request', (request: { socket: { destroy(): void } }) => {
      if (seen.has(request.socket)) request.socket.destroy();
      seen.add(request.socket);
    });
    await client.api.list.query();
    await client.api.list.query();
    await client.api.cordon.mutate();
    expect(mutations).toEqual(['cordon']);
  });

  it('makes a call once more when the server was reloaded while it waited, be it a stream', async () => {
    const made = { cordon: 0, logs: 0, uncordon: 0 };
    const service = createMemoryService({
      overrides: {
        cordon: async () => {
          made.cordon += 1;
          if (made.cordon === 1) throw movedOn();
        },
        logs: async function* () {
          made.logs += 1;
          if (made.logs === 1) throw movedOn();
          yield logEntry('one');
        },
        uncordon: async () => {
          made.uncordon += 1;
          throw movedOn();
        },
      },
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    await client.api.cordon.mutate();
    expect(await collect(client.api.logs.query({ deploymentId: 'web' }))).toEqual([logEntry('one')]);
    // Not for ever: a second refusal is the caller's.
    expect((await failureOf(client.api.uncordon.mutate())).code).toBe('SERVER_BUSY');
    expect(made).toEqual({ cordon: 2, logs: 2, uncordon: 2 });
  });

  it('is refused after close', async () => {
    await using server = await startTestServer();
    const client = await connect({ socketPath: server.socketPath });
    await client[Symbol.asyncDispose]();
    await expect(client.api.list.query()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('ends every call when the server stops', async () => {
    const stopping = new AbortController();
    await using server = await startTestServer({ signal: stopping.signal });
    await using client = await connect({ socketPath: server.socketPath });
    const events: string[] = [];
    for await (const event of await client.api.events.query()) {
      events.push(event.type);
      stopping.abort();
    }
    expect(events).toEqual(['server.started']);
  });
});
