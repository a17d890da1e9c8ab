import type net from 'node:net';
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

describe('a request', () => {
  it('is written with framing of our own and its response told in order', async () => {
    let seen = '';
    await using app = await startScriptedApp(
      answerEach((request) => {
        seen = request;
        return sized('hello', 'X-A: b');
      }),
    );
    const result = await sendRecorded(openClient(), app.target, {
      target: '/a?b=c',
      headers: ['Host', 'x', 'Accept', '*/*'],
    }).done;
    expect(seen).toBe('GET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n');
    expect(result.events).toEqual(['head', 'data', 'end']);
    expect(result.head).toMatchObject({
      status: 200,
      statusMessage: 'OK',
      body: { kind: 'sized', bytes: 5 },
    });
    expect(result.head?.headers).toEqual(['Content-Length', '5', 'X-A', 'b']);
    expect(result.body).toBe('hello');
  });

  it('without a body says so where its method anticipates one', async () => {
    const seen: string[] = [];
    await using app = await startScriptedApp(
      answerEach((request) => {
        seen.push(request);
        return sized('');
      }),
    );
    const client = openClient();
    await sendRecorded(client, app.target, { method: 'POST' }).done;
    await sendRecorded(client, app.target, { method: 'DELETE' }).done;
    expect(seen[0]).toContain('\r\nContent-Length: 0\r\n');
    expect(seen[1]).not.toContain('Content-Length');
  });

  it('carries a sized body as it is and a chunked one framed, with trailers', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using app = await startScriptedApp((socket) => {
      let text = '';
      let answered = 0;
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (answered === 0 && text.endsWith('12345')) {
          answered = 1;
          socket.write(sized('1'));
        } else if (text.endsWith('X-Sum: 3\r\n\r\n')) {
          resolve(text);
          socket.write(sized('2'));
        }
      });
    });
    const client = openClient();
    const first = await sendRecorded(client, app.target, {
      method: 'POST',
      body: { kind: 'sized', bytes: 5 },
      onReady: (call) => {
        call.write(Buffer.from('123'));
        call.write(Buffer.from('45'));
        call.end();
      },
    }).done;
    expect(first.events).toEqual(['ready', 'head', 'data', 'end']);
    await sendRecorded(client, app.target, {
      method: 'POST',
      body: { kind: 'chunked' },
      onReady: (call) => {
        call.write(Buffer.from('abc'));
        call.end(['X-Sum', '3']);
      },
    }).done;
    expect(await promise).toBe(
      'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n12345' +
        'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n',
    );
    expect(app.accepted()).toBe(1);
  });

  it('that cannot be written as a head fails and opens nothing', async () => {
    await using app = await startScriptedApp(answerEach(() => sized('')));
    const client = openClient();
    const hostile = [
      { headers: ['X', 'a\r\nContent-Length: 5'] },
      { headers: ['X\r\n', 'a'] },
      { headers: ['X', 'a\u010a'] },
      { target: '/ HTTP/1.1\r\n\r\n' },
      { target: '' },
      { method: 'GET /' },
    ];
    for (const changes of hostile) {
      const result = await sendRecorded(client, app.target, changes).done;
      expect(result.failure).toMatchObject({ kind: 'malformed', headReceived: false });
    }
    expect(app.accepted()).toBe(0);
  });

  it('whose body is not as long as announced is cut, so that no byte of it is read as another request', async () => {
    for (const bytes of [4, 6]) {
      const received: Buffer[] = [];
      await using app = await startScriptedApp((socket) =>
        socket.on('data', (chunk: Buffer) => received.push(chunk)),
      );
      const closed = app.nextClose();
      const result = await sendRecorded(openClient(), app.target, {
        method: 'POST',
        body: { kind: 'sized', bytes },
        onReady: (call) => {
          call.write(Buffer.from('12345'));
          call.end();
        },
      }).done;
      expect(result.failure).toMatchObject({ kind: 'malformed' });
      await closed;
      const body = Buffer.concat(received).toString().split('\r\n\r\n')[1] ?? '';
      expect(body.length).toBeLessThan(bytes);
    }
  });
});

describe('a response', () => {
  const answers: Record<
    string,
    { text: string; body: string; trailers?: string[]; informational?: number[]; ends?: boolean }
  > = {
    'chunked, with extensions and trailers': {
      text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n',
      body: 'abcde',
      trailers: ['X-T', '1'],
    },
    'ended by the connection': { text: 'HTTP/1.1 200 OK\r\n\r\nabc', body: 'abc', ends: true },
    'of HTTP/1.0': { text: 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc', body: 'abc' },
    'after interim ones': {
      text: 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
      body: 'a',
      informational: [103, 102],
    },
    '204 without a body': { text: 'HTTP/1.1 204 No Content\r\n\r\n', body: '' },
    'with an empty body': { text: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', body: '' },
  };
  for (const [what, { text, body, trailers = [], informational = [], ends = false }] of Object.entries(
    answers,
  )) {
    it(`${what} is told the same whole or octet by octet`, async () => {
      for (const whole of [true, false]) {
        await using app = await startScriptedApp((socket) => {
          socket.setNoDelay(true);
          socket.once('data', () => void sendPieces(socket, whole ? [text] : text.split(''), ends));
        });
        const result = await sendRecorded(openClient(), app.target).done;
        expect(result.failure).toBeNull();
        expect(result.body).toBe(body);
        expect(result.trailers).toEqual(trailers);
        expect(result.informational).toEqual(informational);
      }
    });
  }

  it('to HEAD has no body, whatever its fields say, and the connection goes on', async () => {
    await using app = await startScriptedApp(
      answerEach((request) =>
        request.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n' : sized('x'),
      ),
    );
    const client = openClient();
    const result = await sendRecorded(client, app.target, { method: 'HEAD' }).done;
    expect(result.head).toMatchObject({ body: { kind: 'none' } });
    expect(result.events).toEqual(['head', 'end']);
    expect((await sendRecorded(client, app.target).done).body).toBe('x');
    expect(app.accepted()).toBe(1);
  });

  const malformed: Record<string, string> = {
    'two framings': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    garbage: 'SSH-2.0-OpenSSH_9\r\n',
    '101 unasked': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'interim responses without end': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(17),
    'a head without end': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(11_000)}`,
  };
  for (const [what, text] of Object.entries(malformed)) {
    it(`that is ${what} fails as malformed`, async () => {
      await using app = await startScriptedApp((socket) => socket.once('data', () => socket.write(text)));
      const result = await sendRecorded(openClient(), app.target).done;
      expect(result.failure).toMatchObject({ kind: 'malformed', headReceived: false });
    });
  }

  it('with a broken chunk fails after its head', async () => {
    await using app = await startScriptedApp(
      answerEach(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n'),
    );
    const result = await sendRecorded(openClient(), app.target).done;
    expect(result.failure).toMatchObject({ kind: 'malformed', headReceived: true });
    expect(result.body).toBe('abc');
  });

  it('that is cut short fails as reset', async () => {
    await using app = await startScriptedApp((socket) =>
      socket.once('data', () => socket.end(sized('hello').slice(0, -2))),
    );
    const result = await sendRecorded(openClient(), app.target).done;
    expect(result.failure).toMatchObject({ kind: 'reset', headReceived: true });
  });

  it('with bytes after its end is told, and the connection not used again', async () => {
    await using app = await startScriptedApp(
      answerEach((_, count) => `${sized(`${count}`)}${sized('smuggled')}`),
    );
    const client = openClient();
    for (const _ of [1, 2, 3]) expect((await sendRecorded(client, app.target).done).body).toBe('1');
    expect(app.accepted()).toBe(3);
  });

  it('that nobody asked for closes the idle connection', async () => {
    await using app = await startScriptedApp((socket) => {
      socket.setNoDelay(true);
      socket.once('data', () => {
        socket.write(sized('first'));
        socket.once('data', () => undefined);
        setTimeout(() => socket.write(sized('smuggled')), 10);
      });
    });
    const client = openClient();
    const closed = app.nextClose();
    expect((await sendRecorded(client, app.target).done).body).toBe('first');
    await closed;
    expect(client.inspect()).toEqual({ idle: 0, busy: 0 });
    expect((await sendRecorded(client, app.target).done).body).toBe('first');
  });

  it('that comes before the whole request body is told, and the connection not used again', async () => {
    await using app = await startScriptedApp((socket) =>
      socket.once('data', () => socket.write(sized('too much'))),
    );
    const client = openClient();
    const result = await sendRecorded(client, app.target, {
      method: 'POST',
      body: { kind: 'chunked' },
      onReady: (call) => call.write(Buffer.from('abc')),
    }).done;
    expect(result.body).toBe('too much');
    expect(client.inspect()).toEqual({ idle: 0, busy: 0 });
  });
});

async function sendPieces(socket: net.Socket, pieces: readonly string[], ends: boolean): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ends) socket.end();
}
