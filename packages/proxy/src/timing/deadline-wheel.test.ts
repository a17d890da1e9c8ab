import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Clock } from './clock.ts';
import { DeadlineWheel } from './deadline-wheel.ts';

/** A clock that stands still until it is moved; timers fire in order on the way. */
function createHandClock(): Clock & { advance: (ms: number) => void; timers: () => number } {
  let now = 1_000;
  const timers = new Set<{ at: number; fire: () => void }>();
  return {
    now: () => now,
    after: (ms, fire) => {
      const timer = { at: now + ms, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    timers: () => timers.size,
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.fire();
      }
      now = end;
    },
  };
}

describe('a deadline wheel', () => {
  test('fires once, never early, at most two ticks late', () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    const fired: number[] = [];
    const start = clock.now();
    for (const after of [0, 10, 50, 999, 26_000, 300_000]) {
      const deadline = wheel.create(() => {
        const late = clock.now() - start - after;
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(100);
        fired.push(after);
      });
      deadline.set(start + after);
    }
    clock.advance(400_000);
    expect(fired).toEqual([0, 10, 50, 999, 26_000, 300_000]);
  });

  test('follows a deadline that moves later, earlier, or away', () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    const fired: string[] = [];
    const start = clock.now();
    const later = wheel.create(() => fired.push('later'));
    const earlier = wheel.create(() => fired.push('earlier'));
    const away = wheel.create(() => fired.push('away'));
    later.set(start + 100);
    earlier.set(start + 10_000);
    away.set(start + 200);
    later.set(start + 5_000);
    earlier.set(start + 300);
    away.clear();
    clock.advance(1_000);
    expect(fired).toEqual(['earlier']);
    clock.advance(20_000);
    expect(fired).toEqual(['earlier', 'later']);
  });

  test('has no timer while it holds nothing, and may be armed again by what fires', () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    let turns = 0;
    const deadline = wheel.create(() => {
      turns += 1;
      if (turns < 3) deadline.set(clock.now() + 100);
    });
    deadline.set(clock.now() + 100);
    expect(clock.timers()).toBe(1);
    clock.advance(10_000);
    expect(turns).toBe(3);
    expect([clock.timers(), wheel.size]).toEqual([0, 0]);
    deadline.set(clock.now() + 100);
    clock.advance(1_000);
    expect(turns).toBe(4);
  });

  test('catches up after the event loop stood still for longer than the wheel is round', () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    const fired: number[] = [];
    for (const after of [100, 20_000, 60_000]) wheel.create(() => fired.push(after)).set(clock.now() + after);
    let frozen = 0;
    const late = wheel.create(() => {
      frozen += 1;
    });
    late.set(clock.now() + 120_000);
    clock.advance(200_000);
    expect([fired, frozen]).toEqual([[100, 20_000, 60_000], 1]);
  });

  test('lets go of what an ended deadline would fire, long before its place in the wheel comes by', async () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    const ended = armed(wheel, clock.now() + 20_000, true);
    const cleared = armed(wheel, clock.now() + 20_000, false);
    await collectGarbage();
    expect([ended.deref(), cleared.deref()]).toEqual([undefined, expect.anything()]);
    clock.advance(30_000);
    expect([clock.timers(), wheel.size]).toEqual([0, 0]);
  });

  test('never fires an ended deadline, even when it is set again', () => {
    const clock = createHandClock();
    const wheel = new DeadlineWheel(clock, 50);
    let fired = 0;
    const deadline = wheel.create(() => (fired += 1));
    deadline.set(clock.now() + 100);
    deadline.end();
    deadline.set(clock.now() + 200);
    clock.advance(1_000);
    expect(fired).toBe(0);
  });
});

/** What a deadline fires refers to a thing, as a connection's does; the deadline itself is not kept. */
function armed(wheel: DeadlineWheel, atMs: number, isEnded: boolean): WeakRef<object> {
  const thing = { bytes: Buffer.alloc(10) };
  const deadline = wheel.create(() => thing.bytes.fill(1));
  deadline.set(atMs);
  if (isEnded) deadline.end();
  else deadline.clear();
  return new WeakRef(thing);
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // A WeakRef holds its target until the present job is over.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
}
