// How long either side of a request to an HTTP/2 app may be silent.
import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerWith, startH2cApp } from '../testing/h2c-app.ts';
import { openClient } from '../testing/open-client.ts';
import { postOf, sendRecorded } from '../testing/recorded-call.ts';

describe('deadlines', () => {
  test('the head is due once the request has ended, the body while it is read', async () => {
    await using app = await startH2cApp((stream, fields) => {
      if (fields[':path'] === '/silent') return;
      stream.respond({ ':status': 200 });
      stream.write('begun');
    });
    using client = openClient();
    const silent = sendRecorded(client, app.target, { target: '/silent', headTimeoutMs: 150 });
    expect((await silent.done).failure).toMatchObject({ kind: 'headTimeout', headReceived: false });
    const stuck = sendRecorded(client, app.target, { bodyIdleTimeoutMs: 150 });
    expect((await stuck.done).failure).toMatchObject({ kind: 'idleTimeout', headReceived: true });
    expect(client.inspect()).toEqual({ idle: 1, busy: 0 });
  });

  test('an app that does not take the body is timed, one that waits for it is not', async () => {
    let stream: ServerHttp2Stream | null = null;
    await using app = await startH2cApp((begun) => (stream = begun));
    using client = openClient();
    const big = Buffer.alloc(1024 * 1024);
    const untaken = sendRecorded(client, app.target, {
      ...postOf(),
      bodyIdleTimeoutMs: 150,
      onReady: (call) => expect(call.write(big)).toBe(false),
    });
    expect((await untaken.done).failure?.kind).toBe('idleTimeout');
    expect(stream).not.toBeNull();
  });

  test('a conversation has no head due, and its idle limit counts from the beginning', async () => {
    await using app = await startH2cApp((stream) => void setTimeout(() => answerWith(stream, 'late'), 400));
    using client = openClient();
    const quick = { isConversation: true, headTimeoutMs: 100, bodyIdleTimeoutMs: 0 };
    expect((await sendRecorded(client, app.target, quick).done).body).toBe('late');
    const limited = sendRecorded(client, app.target, { ...quick, bodyIdleTimeoutMs: 100 });
    expect((await limited.done).failure?.kind).toBe('idleTimeout');
  });
});
