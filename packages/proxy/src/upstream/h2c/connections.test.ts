// Connections to an HTTP/2 app: how many there are, how they end, and what their end means for what is under way.
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { frame, frameType } from '../../conformance/http2-frames.ts';
import { refusingPort, startApp } from '../../conformance/test-app.ts';
import {
  answerWith,
  maxConcurrentStreams,
  okHead,
  setting,
  startFrameApp,
  startH2cApp,
  wholeHead,
} from '../testing/h2c-app.ts';
import { openClient } from '../testing/open-client.ts';
import { postOf, sendRecorded } from '../testing/recorded-call.ts';
import { startScriptedApp } from '../testing/scripted-app.ts';

const { NGHTTP2_NO_ERROR } = constants;

describe('a connection', () => {
  test('that is refused, or ends before it stands, is told as refused', async () => {
    using client = openClient();
    const nobody = { id: 'a', host: '127.0.0.1', port: await refusingPort(), protocol: 'h2c' } as const;
    expect((await sendRecorded(client, nobody).done).failure).toMatchObject({
      kind: 'refused',
      cause: { message: expect.stringContaining('ECONNREFUSED') },
    });
    await using closing = await startScriptedApp((socket) => socket.end());
    const result = await sendRecorded(client, { ...closing.target, protocol: 'h2c' }).done;
    expect(result.failure?.kind).toBe('refused');
  });

  test('to an app that speaks HTTP/1.1 is malformed', async () => {
    await using app = await startApp();
    using client = openClient();
    const target = { id: 'a', host: '127.0.0.1', port: app.port, protocol: 'h2c' } as const;
    expect((await sendRecorded(client, target).done).failure?.kind).toBe('malformed');
  });

  test('that says no SETTINGS times out, and has taken nothing of the body', async () => {
    await using app = await startScriptedApp((socket) => void socket.resume());
    using client = openClient();
    const sent = sendRecorded(
      client,
      { ...app.target, protocol: 'h2c' },
      { ...postOf('x'), connectTimeoutMs: 150 },
    );
    expect(await sent.done).toMatchObject({ events: ['fail'], failure: { kind: 'connectTimeout' } });
  });

  test('that dies under a request which may be repeated is replaced, once, where it had served before', async () => {
    await using app = await startFrameApp((peer, { type, stream }) => {
      if (type !== frameType.headers) return;
      if (peer.connection === 1 && stream === 3) peer.socket.destroy();
      else peer.send(okHead(stream, wholeHead));
    });
    using client = openClient();
    expect((await sendRecorded(client, app.target).done).failure).toBeNull();
    expect((await sendRecorded(client, app.target).done).failure).toBeNull();
    expect(app.accepted()).toBe(2);
  });

  test('that dies is a failure for what may not be repeated, and where it had not served', async () => {
    await using app = await startFrameApp((peer, { type, stream }) => {
      if (type !== frameType.headers) return;
      if (stream === 1 && peer.connection === 1) peer.send(okHead(stream, wholeHead));
      else peer.socket.destroy();
    });
    using client = openClient();
    await sendRecorded(client, app.target).done;
    expect((await sendRecorded(client, app.target, postOf('x')).done).failure).toMatchObject({
      kind: 'reset',
      headReceived: false,
      reusedConnection: true,
    });
    expect((await sendRecorded(client, app.target).done).failure).toMatchObject({
      kind: 'reset',
      reusedConnection: false,
    });
  });

  test('that ends right behind a response which nobody has read yet takes nothing of it away', async () => {
    const body = Buffer.alloc(100_000, 'x');
    await using app = await startH2cApp((stream) => {
      stream.respond({ ':status': 200 });
      stream.end(body);
    });
    using client = openClient();
    const sent = sendRecorded(client, app.target, { onData: (call) => call.pause() });
    await sent.event('data');
    for (const session of app.sessions) {
      session.close();
      await once(session, 'close');
    }
    await expect.poll(() => client.inspect()).toEqual({ idle: 0, busy: 0 });
    const resume = setInterval(() => sent.call.resume(), 1);
    expect(await sent.done).toMatchObject({ bodyBytes: body.length, failure: null });
    clearInterval(resume);
  });
});

describe('sessions', () => {
  test('one takes as many streams as the app says, others are opened for the rest', async () => {
    const held: ServerHttp2Stream[] = [];
    await using app = await startH2cApp((stream) => void held.push(stream), {
      settings: { maxConcurrentStreams: 4 },
    });
    using client = openClient();
    const calls = Array.from({ length: 10 }, () => sendRecorded(client, app.target));
    await expect.poll(() => held.length).toBe(10);
    expect(app.accepted()).toBe(3);
    for (const stream of held) answerWith(stream, 'ok');
    expect((await Promise.all(calls.map((call) => call.done))).map(({ body }) => body)).toEqual(
      Array.from({ length: 10 }, () => 'ok'),
    );
  });

  test('beyond the most that are opened, requests wait for a stream, as long as for a connection', async () => {
    const held: ServerHttp2Stream[] = [];
    await using app = await startH2cApp((stream) => void held.push(stream), {
      settings: { maxConcurrentStreams: 1 },
    });
    using client = openClient({ limits: { sessionsMax: 1 } });
    const first = sendRecorded(client, app.target);
    await expect.poll(() => held.length).toBe(1);
    const second = sendRecorded(client, app.target);
    const late = sendRecorded(client, app.target, { connectTimeoutMs: 150 });
    expect((await late.done).failure?.kind).toBe('connectTimeout');
    if (held[0] !== undefined) answerWith(held[0], 'one');
    expect((await first.done).body).toBe('one');
    await expect.poll(() => held.length).toBe(2);
    if (held[1] !== undefined) answerWith(held[1], 'two');
    expect((await second.done).body).toBe('two');
  });

  test('an app that takes no stream at all is waited for', async () => {
    await using app = await startFrameApp(
      (peer, { type, flags, stream }) => {
        // The client has acknowledged the first ones: now it may.
        if (type === frameType.settings && flags === 1 && stream === 0)
          peer.send(frame(frameType.settings, 0, 0, setting(maxConcurrentStreams, 1)));
        if (type === frameType.headers) peer.send(okHead(stream, wholeHead));
      },
      setting(maxConcurrentStreams, 0),
    );
    using client = openClient();
    expect((await sendRecorded(client, app.target).done).failure).toBeNull();
    expect(app.accepted()).toBe(1);
  });

  test('one that has had its number of streams is followed by another, and ends when they have', async () => {
    const held: ServerHttp2Stream[] = [];
    await using app = await startH2cApp((stream) => void held.push(stream));
    using client = openClient({ limits: { sessionRequestsMax: 2 } });
    const calls = [1, 2, 3].map(() => sendRecorded(client, app.target));
    await expect.poll(() => held.length).toBe(3);
    expect(app.accepted()).toBe(2);
    for (const stream of held) answerWith(stream, 'ok');
    for (const call of calls) expect((await call.done).body).toBe('ok');
    await expect.poll(() => app.sessions.size).toBe(1);
  });

  test('an instance that is forgotten keeps what is under way and nothing else', async () => {
    const held: ServerHttp2Stream[] = [];
    await using app = await startH2cApp((stream) => void held.push(stream));
    using client = openClient();
    const call = sendRecorded(client, app.target);
    await expect.poll(() => held.length).toBe(1);
    client.forget(app.target.id);
    expect(client.inspect()).toEqual({ idle: 0, busy: 1 });
    if (held[0] !== undefined) answerWith(held[0], 'whole');
    expect((await call.done).body).toBe('whole');
    await expect.poll(() => app.sessions.size).toBe(0);
    await expect.poll(() => client.inspect()).toEqual({ idle: 0, busy: 0 });
  });

  test('an idle one is ended by us, with GOAWAY', async () => {
    await using app = await startH2cApp((stream) => answerWith(stream, 'ok'));
    using client = openClient({ limits: { sessionIdleMs: 150 } });
    await sendRecorded(client, app.target).done;
    const [session] = app.sessions;
    if (session === undefined) throw new Error('the app has a session');
    const [code] = (await once(session, 'goaway')) as [number];
    expect(code).toBe(NGHTTP2_NO_ERROR);
    await expect.poll(() => app.sessions.size).toBe(0);
    expect((await sendRecorded(client, app.target).done).body).toBe('ok');
  });

  test('one with silent streams is asked whether it lives, and given up when it does not say so', async () => {
    let pings = 0;
    await using app = await startFrameApp((peer, { type, payload }) => {
      if (type !== frameType.ping) return;
      pings += 1;
      if (pings === 1) peer.send(frame(frameType.ping, 1, 0, payload));
    });
    using client = openClient({ limits: { pingAfterMs: 200, pingTimeoutMs: 200 } });
    const { failure } = await sendRecorded(client, app.target, { replayable: false, headTimeoutMs: 0 }).done;
    expect(failure?.kind).toBe('reset');
    expect(pings).toBe(2);
  });
});
