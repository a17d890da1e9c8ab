import { afterEach, describe, expect, it } from 'vitest';
import {
  createUpstreamClient,
  type UpstreamClientOptions,
  type UpstreamWireClient,
} from './upstream-client.ts';
import { createSystemClock } from '../timing/clock.ts';
import { DeadlineWheel } from '../timing/deadline-wheel.ts';
import { sendRecorded } from './testing/recorded-call.ts';
import { answerEach, sized, startScriptedApp } from './testing/scripted-app.ts';

const clients: UpstreamWireClient[] = [];

function openClient(options: UpstreamClientOptions = {}): UpstreamWireClient {
  const clock = createSystemClock();
  const client = createUpstreamClient({ clock, wheel: new DeadlineWheel(clock, 5), ...options });
  clients.push(client);
  return client;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

describe('a connection that does not come about', () => {
  it('is refused, and nothing of the body was asked for', async () => {
    const app = await startScriptedApp(() => undefined);
    await app.stopListening();
    const result = await sendRecorded(openClient(), app.target, { method: 'POST', body: { kind: 'chunked' } })
      .done;
    expect(result.failure).toMatchObject({ kind: 'refused', headReceived: false, reusedConnection: false });
    expect(result.failure?.cause).toMatchObject({ code: 'ECONNREFUSED' });
    expect(result.events).toEqual(['fail']);
  });

  it('times out', async () => {
    // TEST-NET-1 (RFC 5737) answers nobody; where there is no route at all, that is `refused`.
    const target = { id: 'far', host: '192.0.2.1', port: 9, protocol: 'http1' } as const;
    const result = await sendRecorded(openClient(), target, { connectTimeoutMs: 50 }).done;
    expect(['connectTimeout', 'refused']).toContain(result.failure?.kind);
  });
});

describe('deadlines', () => {
  it('of the head', async () => {
    await using app = await startScriptedApp(answerEach(() => null));
    const closed = app.nextClose();
    const started = performance.now();
    const result = await sendRecorded(openClient(), app.target, { headTimeoutMs: 60 }).done;
    expect(result.failure).toMatchObject({ kind: 'headTimeout', headReceived: false });
    expect(performance.now() - started).toBeGreaterThanOrEqual(60);
    await closed;
  });

  it('of the head count from the end of the request body', async () => {
    await using app = await startScriptedApp((socket) => socket.resume());
    const sent = sendRecorded(openClient(), app.target, {
      method: 'POST',
      body: { kind: 'chunked' },
      headTimeoutMs: 60,
      bodyIdleTimeoutMs: 0,
    });
    await sent.event('ready');
    const outcome = await Promise.race([
      sent.done,
      new Promise((resolve) => setTimeout(resolve, 150, 'still waiting')),
    ]);
    expect(outcome).toBe('still waiting');
    sent.call.end();
    expect((await sent.done).failure).toMatchObject({ kind: 'headTimeout' });
  });

  it('of a response body that stands still', async () => {
    await using app = await startScriptedApp(answerEach(() => sized('hello').slice(0, -1)));
    const result = await sendRecorded(openClient(), app.target, { bodyIdleTimeoutMs: 60 }).done;
    expect(result.failure).toMatchObject({ kind: 'idleTimeout', headReceived: true });
  });

  it('do not run while the reader has paused, and run again after', async () => {
    await using app = await startScriptedApp(answerEach(() => sized('hello').slice(0, -1)));
    const sent = sendRecorded(openClient(), app.target, {
      bodyIdleTimeoutMs: 60,
      onHead: (call) => call.pause(),
    });
    await sent.event('data');
    const outcome = await Promise.race([
      sent.done,
      new Promise((resolve) => setTimeout(resolve, 150, 'still waiting')),
    ]);
    expect(outcome).toBe('still waiting');
    sent.call.resume();
    expect((await sent.done).failure).toMatchObject({ kind: 'idleTimeout' });
  });

  it('can be lifted for a stream', async () => {
    await using app = await startScriptedApp((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        setTimeout(() => socket.write('1\r\na\r\n0\r\n\r\n'), 200);
      });
    });
    const result = await sendRecorded(openClient(), app.target, {
      bodyIdleTimeoutMs: 50,
      onHead: (call) => call.setIdleTimeout(0),
    }).done;
    expect(result.body).toBe('a');
  });

  it('of an app that stops reading the request', async () => {
    await using app = await startScriptedApp((socket) => socket.pause());
    const block = Buffer.alloc(1024 * 1024);
    const result = await sendRecorded(openClient(), app.target, {
      method: 'POST',
      body: { kind: 'chunked' },
      bodyIdleTimeoutMs: 80,
      onReady: (call) => {
        while (call.write(block)) continue;
      },
    }).done;
    expect(result.failure).toMatchObject({ kind: 'idleTimeout', headReceived: false });
  });
});

describe('a reused connection that dies before a byte came back', () => {
  /** Answers the first request of its first connection, and closes it as the second one comes. */
  const closesOnSecond = async (afterBytes = '') =>
    startScriptedApp((socket, connection) => {
      if (connection > 1) {
        answerEach(() => sized('fresh'))(socket);
        return;
      }
      socket.once('data', () => {
        socket.write(sized('first'));
        socket.once('data', () => {
          if (afterBytes !== '') socket.end(afterBytes);
          else socket.resetAndDestroy();
        });
      });
    });

  it('is replaced by a fresh one, once, for a request that may be repeated', async () => {
    await using app = await closesOnSecond();
    const client = openClient();
    await sendRecorded(client, app.target).done;
    const result = await sendRecorded(client, app.target).done;
    expect(result.body).toBe('fresh');
    expect(result.events).toEqual(['head', 'data', 'end']);
    expect(app.accepted()).toBe(2);
  });

  it('fails a request that may not', async () => {
    await using app = await closesOnSecond();
    const client = openClient();
    await sendRecorded(client, app.target).done;
    const result = await sendRecorded(client, app.target, { replayable: false }).done;
    expect(result.failure).toMatchObject({ kind: 'reset', headReceived: false, reusedConnection: true });
    expect(app.accepted()).toBe(1);
  });

  it('fails a request with a body', async () => {
    await using app = await closesOnSecond();
    const client = openClient();
    await sendRecorded(client, app.target).done;
    const result = await sendRecorded(client, app.target, {
      method: 'PUT',
      body: { kind: 'sized', bytes: 1 },
      onReady: (call) => {
        call.write(Buffer.from('x'));
        call.end();
      },
    }).done;
    expect(result.failure).toMatchObject({ kind: 'reset', reusedConnection: true });
  });

  it('is not repeated when part of a response had come', async () => {
    await using app = await closesOnSecond('HTTP/1.1 200');
    const client = openClient();
    await sendRecorded(client, app.target).done;
    const result = await sendRecorded(client, app.target).done;
    expect(result.failure).toMatchObject({ kind: 'reset', headReceived: false });
    expect(app.accepted()).toBe(1);
  });

  it('is not repeated twice, nor on a fresh connection', async () => {
    await using app = await startScriptedApp((socket, connection) => {
      socket.once('data', () => {
        if (connection > 1) {
          socket.resetAndDestroy();
          return;
        }
        socket.write(sized('first'));
        socket.once('data', () => socket.resetAndDestroy());
      });
    });
    const client = openClient();
    await sendRecorded(client, app.target).done;
    expect((await sendRecorded(client, app.target).done).failure).toMatchObject({ kind: 'reset' });
    expect(app.accepted()).toBe(2);
    expect((await sendRecorded(client, app.target).done).failure).toMatchObject({
      kind: 'reset',
      reusedConnection: false,
    });
    expect(app.accepted()).toBe(3);
  });
});

describe('abort', () => {
  it('ends the connection, and the listener hears nothing more', async () => {
    await using app = await startScriptedApp(answerEach(() => sized('hello').slice(0, -1)));
    const client = openClient();
    const closed = app.nextClose();
    const sent = sendRecorded(client, app.target);
    await sent.event('data');
    sent.call.abort();
    sent.call.abort();
    await closed;
    expect(sent.eventsSoFar()).toEqual(['head', 'data']);
    expect(client.inspect()).toEqual({ idle: 0, busy: 0 });
  });

  it('while connecting, before and after the head, in an event: no event follows', async () => {
    await using app = await startScriptedApp(answerEach(() => sized('hello')));
    const client = openClient();
    const first = sendRecorded(client, app.target);
    first.call.abort();
    const second = sendRecorded(client, app.target, { onHead: (call) => call.abort() });
    await second.event('head');
    await sendRecorded(client, app.target).done;
    expect(first.eventsSoFar()).toEqual([]);
    expect(second.eventsSoFar()).toEqual(['head']);
    expect(client.inspect()).toEqual({ idle: 1, busy: 0 });
  });
});

describe('back-pressure', () => {
  it('stops reading the response while paused: memory stays bounded', async () => {
    const total = 64 * 1024 * 1024;
    let sentBytes = 0;
    await using app = await startScriptedApp((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        const block = Buffer.alloc(256 * 1024);
        const pour = (): void => {
          while (sentBytes < total) {
            sentBytes += block.length;
            if (!socket.write(block)) {
              socket.once('drain', pour);
              return;
            }
          }
        };
        pour();
      });
    });
    let received = 0;
    const sent = sendRecorded(openClient(), app.target, {
      onData: (call, chunk) => {
        received += chunk.length;
        if (received < 1024 * 1024) return;
        call.pause();
      },
    });
    await sent.event('data');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stoppedAt = received;
    expect(stoppedAt).toBeLessThan(2 * 1024 * 1024);
    expect(sentBytes).toBeLessThan(32 * 1024 * 1024);
    received = -total;
    sent.call.resume();
    expect((await sent.done).bodyBytes).toBe(total);
  });

  it('tells the writer to wait while the app does not read, and to go on after', async () => {
    const { promise: readOn, resolve: startReading } = Promise.withResolvers<void>();
    const total = 32 * 1024 * 1024;
    await using app = await startScriptedApp((socket) => {
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes >= total) socket.write(sized(`${bytes}`));
      });
      socket.pause();
      void readOn.then(() => socket.resume());
    });
    const block = Buffer.alloc(256 * 1024);
    let written = 0;
    const pour = (call: { write: (chunk: Buffer) => boolean; end: () => void }): void => {
      while (written < total) {
        written += block.length;
        if (!call.write(block)) return;
      }
      call.end();
    };
    const sent = sendRecorded(openClient(), app.target, {
      method: 'POST',
      body: { kind: 'sized', bytes: total },
      onReady: pour,
      onDrain: (call) => (written < total ? pour(call) : call.end()),
    });
    await sent.event('ready');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).toBeLessThan(total);
    startReading();
    const result = await sent.done;
    expect(Number(result.body)).toBeGreaterThan(total);
    expect(result.events).toContain('drain');
  });
});
