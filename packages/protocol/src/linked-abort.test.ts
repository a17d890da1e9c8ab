import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { linkAbort } from './linked-abort.ts';

describe('linkAbort', () => {
  it('aborts with the reason of the first source that does', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const linked = linkAbort([one.signal, undefined, two.signal]);
    two.abort('second');
    one.abort('first');
    expect(linked.signal.reason).toBe('second');
  });

  it('is aborted from the start when a source is', () => {
    const open = new AbortController();
    const linked = linkAbort([open.signal, AbortSignal.abort('early'), AbortSignal.abort('later')]);
    expect(linked.signal.reason).toBe('early');
    expect(getEventListeners(open.signal, 'abort')).toEqual([]);
  });

  it('aborts alone without touching its sources', () => {
    const source = new AbortController();
    const linked = linkAbort([source.signal]);
    linked.abort('mine');
    expect(linked.signal.reason).toBe('mine');
    expect(source.signal.aborted).toBe(false);
    expect(getEventListeners(source.signal, 'abort')).toEqual([]);
  });

  it('follows no more once it is let go', () => {
    const source = new AbortController();
    const linked = linkAbort([source.signal, source.signal]);
    linked[Symbol.dispose]();
    expect(getEventListeners(source.signal, 'abort')).toEqual([]);
    source.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});
