import { once } from 'node:events';
import { TakoError } from '@tako/config';
import { describe, expect, it } from 'vitest';
import type { CallContext, ManagementService } from '../management-service.ts';
import type { LogEvent } from '../schemas/operations.ts';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { collect, failureOf, logEntry } from '../testing/outcomes.ts';
import { connect } from './index.ts';

/** A service whose `logs` is the given stream. */
const withLogs = (logs: ManagementService['logs']): ManagementService =>
  createMemoryService({ overrides: { logs } });

describe('a stream', () => {
  it('reports an error in its middle as a TakoError, after the events before it', async () => {
    const service = withLogs(async function* () {
      yield logEntry('one');
      throw new TakoError('STATE_UNAVAILABLE', 'the disk is gone', { hint: 'mount it' });
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const seen: LogEvent[] = [];
    const reading = (async () => {
      for await (const event of await client.api.logs.query({ deploymentId: 'web' })) seen.push(event);
    })();
    expect(await failureOf(reading)).toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: 'the disk is gone',
      hint: 'mount it',
    });
    expect(seen).toEqual([logEntry('one')]);
  });

  it('reports an unforeseen error in its middle as INTERNAL', async () => {
    const service = withLogs(async function* () {
      yield logEntry('one');
      throw new Error('swordfish');
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(collect(client.api.logs.query({ deploymentId: 'web' })));
    expect(error.code).toBe('INTERNAL');
    expect(error.message).not.toContain('swordfish');
    expect(server.internalErrors.map(({ cause }) => String(cause))).toEqual(['Error: swordfish']);
  });

  it.each(['break', 'abort', 'close'] as const)(
    'is ended at the server when the reader leaves by %s',
    async (way) => {
      const contexts: CallContext[] = [];
      let cleaned: () => void;
      const cleanedUp = new Promise<void>((resolve) => {
        cleaned = resolve;
      });
      const service = withLogs(async function* (_input, context) {
        contexts.push(context);
        try {
          yield logEntry('one');
          if (!context.signal.aborted) await once(context.signal, 'abort');
        } finally {
          cleaned();
        }
      });
      await using server = await startTestServer({ service });
      await using client = await connect({ socketPath: server.socketPath });
      const abort = new AbortController();
      const reading = (async () => {
        for await (const _event of await client.api.logs.query(
          { deploymentId: 'web' },
          { signal: abort.signal },
        )) {
          if (way === 'break') break;
          if (way === 'abort') abort.abort(new Error('enough'));
          if (way === 'close') client.close();
        }
      })();
      if (way === 'break') await reading;
      if (way === 'abort') await expect(reading).rejects.toThrow('enough');
      if (way === 'close') await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
      await cleanedUp;
      expect(contexts[0]?.signal.aborted).toBe(true);
      expect(server.internalErrors).toEqual([]);
    },
  );

  const quietThenDone: ManagementService['logs'] = async function* (_input, { signal }) {
    yield logEntry('before');
    const quiet = Promise.withResolvers<void>();
    const timer = setTimeout(quiet.resolve, 600);
    signal.addEventListener('abort', () => quiet.resolve());
    await quiet.promise;
    clearTimeout(timer);
    yield logEntry('after');
  };

  it('survives being quiet for long, since the server pings', async () => {
    await using server = await startTestServer({
      service: withLogs(quietThenDone),
      limits: { pingIntervalMs: 40 },
    });
    await using client = await connect({ socketPath: server.socketPath, silenceMaxMs: 300 });
    expect(await collect(client.api.logs.query({ deploymentId: 'web' }))).toEqual([
      logEntry('before'),
      logEntry('after'),
    ]);
  });

  it('is given up when the server gives no sign of life, so the pings are what keeps a quiet one', async () => {
    await using server = await startTestServer({
      service: withLogs(quietThenDone),
      limits: { pingIntervalMs: 60_000 },
    });
    await using client = await connect({ socketPath: server.socketPath, silenceMaxMs: 100 });
    const error = await failureOf(collect(client.api.logs.query({ deploymentId: 'web' })));
    expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(error.message).toContain('no sign of life for 0.1 s');
  });

  it('ends with CONNECTION_LOST when the connection is cut, after the events that came', async () => {
    const service = withLogs(async function* (_input, { signal }) {
      yield logEntry('one');
      yield logEntry('two');
      await once(signal, 'abort').catch(() => undefined);
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of await client.api.logs.query({ deploymentId: 'web' })) {
        if (event.type === 'entry') seen.push(event.text);
        if (seen.length === 2) server.cut();
      }
    })();
    expect(await failureOf(reading)).toMatchObject({
      code: 'CONNECTION_LOST',
      details: { socketPath: server.socketPath },
    });
    expect(seen).toEqual(['one', 'two']);
  });

  it('holds the server back while the reader is slow, and loses nothing', async () => {
    let produced = 0;
    const total = 3000;
    const service = withLogs(async function* () {
      while (produced < total) {
        produced += 1;
        yield logEntry(`${produced} ${'x'.repeat(4096)}`);
      }
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    let read = 0;
    let producedAtPause = 0;
    for await (const event of await client.api.logs.query({ deploymentId: 'web' })) {
      read += 1;
      expect(event).toMatchObject({ text: expect.stringMatching(new RegExp(`^${read} `)) });
      if (read === 1) {
        // Other calls go on meanwhile, and give the stream all the time it needs to run ahead.
        for (let call = 0; call < 50; call += 1) await client.api.list.query();
        producedAtPause = produced;
      }
    }
    expect(read).toBe(total);
    // 12 MB in all; what lies between is the gate, the socket's buffers and tRPC's pipes: far below.
    expect(producedAtPause).toBeLessThan(500);
  });

  it('takes an event that is larger than the gate', async () => {
    const big = 'x'.repeat(3_000_000);
    const service = withLogs(async function* () {
      for (let index = 0; index < 10; index += 1) yield logEntry(big);
    });
    await using server = await startTestServer({ service });
    await using client = await connect({ socketPath: server.socketPath });
    const events = await collect(client.api.logs.query({ deploymentId: 'web' }));
    expect(events.map((event) => event.type === 'entry' && event.text.length)).toEqual(
      Array.from({ length: 10 }, () => 3_000_000),
    );
  });
});
