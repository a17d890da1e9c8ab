import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../timing/clock.ts';
import { createUpstreamClient, type UpstreamWireClient } from './upstream-client.ts';
import type { UpstreamLimits } from './limits.ts';
import { sendRecorded } from './testing/recorded-call.ts';
import { answerEach, sized, startScriptedApp, type ScriptedApp } from './testing/scripted-app.ts';

/** A clock that the test moves; its timers fire only as it is moved. */
class TestClock implements Clock {
  #now = 1_000_000;
  #timers: { at: number; fire: () => void }[] = [];

  readonly now = (): number => this.#now;

  /** Time passes, but no timer gets to fire. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
  }

  readonly after = (milliseconds: number, fire: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
    }
    this.#now = end;
  }
}

const clients: UpstreamWireClient[] = [];

function openClient(limits: Partial<UpstreamLimits> = {}): { client: UpstreamWireClient; clock: TestClock } {
  const clock = new TestClock();
  const client = createUpstreamClient({ clock, limits });
  clients.push(client);
  return { client, clock };
}

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const kept = async (...fields: string[]): Promise<ScriptedApp> =>
  startScriptedApp(answerEach(() => sized('x', ...fields)));

describe('the pool of an instance', () => {
  it('uses the connection again that was used last, and opens more only when all are busy', async () => {
    const served: number[] = [];
    const release: (() => void)[] = [];
    await using app = await startScriptedApp((socket, connection) => {
      socket.on('data', () => {
        served.push(connection);
        release.push(() => socket.write(sized(`${connection}`)));
      });
    });
    const { client } = openClient();
    const calls = [1, 2, 3].map(() => sendRecorded(client, app.target));
    const until = async (count: number): Promise<void> => {
      while (release.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await until(3);
    const order = [...served];
    for (const each of release) each();
    const finished = await Promise.all(calls.map((call) => call.done));
    expect(finished.map((each) => each.body).sort()).toEqual(['1', '2', '3']);
    expect(client.inspect()).toEqual({ idle: 3, busy: 0 });
    const next = sendRecorded(client, app.target);
    await until(4);
    expect(served.at(-1)).toBe(order.at(-1));
    release.at(-1)?.();
    await next.done;
    expect(app.accepted()).toBe(3);
  });

  it('keeps no more idle connections than its limit: the longest idle goes', async () => {
    await using app = await kept();
    const { client } = openClient({ idleConnectionsMax: 2 });
    await Promise.all([1, 2].map(() => sendRecorded(client, app.target).done));
    expect(client.inspect().idle).toBe(2);
    await Promise.all([1, 2, 3].map(() => sendRecorded(client, app.target).done));
    expect(client.inspect()).toEqual({ idle: 2, busy: 0 });
    expect(app.accepted()).toBe(3);
  });

  it('closes what is idle for 4 s, as Node apps do after 5', async () => {
    await using app = await kept();
    const { client, clock } = openClient();
    await sendRecorded(client, app.target).done;
    clock.advance(3_900);
    expect(client.inspect().idle).toBe(1);
    const closed = app.nextClose();
    clock.advance(400);
    expect(client.inspect().idle).toBe(0);
    await closed;
  });

  it('does not use an idle connection past its time even when the wheel is late', async () => {
    await using app = await kept('Keep-Alive: timeout=3');
    const { client, clock } = openClient();
    await sendRecorded(client, app.target).done;
    clock.stall(2_001);
    await sendRecorded(client, app.target).done;
    expect(app.accepted()).toBe(2);
  });

  it('honours an announced keep-alive, less a second or half of it', async () => {
    const cases: [string, number][] = [
      ['Keep-Alive: timeout=10', 9_000],
      ['Keep-Alive: timeout=1, max=5', 500],
      ['Keep-Alive: timeout=600', 60_000],
    ];
    for (const [field, idleMs] of cases) {
      await using app = await kept(field);
      const { client, clock } = openClient();
      await sendRecorded(client, app.target).done;
      clock.advance(idleMs - 150);
      expect(client.inspect().idle).toBe(1);
      clock.advance(400);
      expect(client.inspect().idle).toBe(0);
    }
    await using app = await kept('Keep-Alive: timeout=0');
    const { client } = openClient();
    await sendRecorded(client, app.target).done;
    expect(client.inspect().idle).toBe(0);
  });

  it('puts a request that may not be repeated on an idle connection only when that is surely alive', async () => {
    await using silent = await kept();
    const { client, clock } = openClient();
    const post = { method: 'POST', replayable: false };
    await sendRecorded(client, silent.target, post).done;
    clock.advance(450);
    await sendRecorded(client, silent.target, post).done;
    expect(silent.accepted()).toBe(1);
    clock.advance(550);
    await sendRecorded(client, silent.target, post).done;
    expect(silent.accepted()).toBe(2);
    clock.advance(550);
    await sendRecorded(client, silent.target).done;
    expect(silent.accepted()).toBe(2);

    await using announcing = await kept('Keep-Alive: timeout=5');
    const other = { ...announcing.target, id: 'app-2' };
    await sendRecorded(client, other, post).done;
    clock.advance(3_000);
    await sendRecorded(client, other, post).done;
    expect(announcing.accepted()).toBe(1);
  });

  it('learns from an app that closes idle connections early', async () => {
    const sockets: Socket[] = [];
    await using app = await startScriptedApp((socket) => {
      sockets.push(socket);
      answerEach(() => sized('x'))(socket);
    });
    const { client, clock } = openClient();
    await sendRecorded(client, app.target).done;
    clock.advance(1_000);
    sockets[0]?.end();
    while (client.inspect().idle > 0) await new Promise((resolve) => setImmediate(resolve));
    await sendRecorded(client, app.target).done;
    clock.advance(750);
    expect(client.inspect().idle).toBe(1);
    clock.advance(300);
    expect(client.inspect().idle).toBe(0);
  });

  it('does not use a connection again that the app wants closed', async () => {
    await using app = await kept('Connection: close');
    const { client } = openClient();
    for (const _ of [1, 2]) await sendRecorded(client, app.target).done;
    expect(app.accepted()).toBe(2);
    expect(client.inspect()).toEqual({ idle: 0, busy: 0 });
  });
});

describe('an instance that is forgotten', () => {
  it('loses its idle connections at once and its busy ones after their response', async () => {
    const release: (() => void)[] = [];
    await using app = await startScriptedApp((socket) => {
      socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('/slow')) release.push(() => socket.write(sized('slow')));
        else socket.write(sized('x'));
      });
    });
    const { client } = openClient();
    const slow = sendRecorded(client, app.target, { target: '/slow' });
    await sendRecorded(client, app.target).done;
    while (release.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.inspect()).toEqual({ idle: 1, busy: 1 });
    client.forget(app.target.id);
    expect(client.inspect()).toEqual({ idle: 0, busy: 1 });
    release[0]?.();
    expect((await slow.done).body).toBe('slow');
    expect(client.inspect()).toEqual({ idle: 0, busy: 0 });
  });

  it('never serves under its old address when it comes back elsewhere', async () => {
    await using before = await kept();
    await using after = await startScriptedApp(answerEach(() => sized('after')));
    const { client } = openClient();
    await sendRecorded(client, before.target).done;
    const moved = { ...after.target, id: before.target.id };
    expect((await sendRecorded(client, moved).done).body).toBe('after');
    expect(client.inspect()).toEqual({ idle: 1, busy: 0 });
  });
});
