// A boot allocates 90 MB and needs 16 of them afterwards; a process that then idles never collects the rest. So it is
// collected once, when the boot is over. Needs --expose-gc, which bin/tako-server sets; without it nothing happens.
import { bootGarbageDelayMs } from '../limits.ts';

/** Stops this process for about 50 ms, at a time when the workers alone serve. */
export function collectBootGarbageLater(): Disposable {
  const timer = globalThis.setTimeout(
    () => globalThis.gc?.({ type: 'major', flavor: 'last-resort' }),
    bootGarbageDelayMs,
  );
  timer.unref();
  return { [Symbol.dispose]: () => globalThis.clearTimeout(timer) };
}
