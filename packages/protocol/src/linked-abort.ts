// An abort that follows other signals until it is let go. AbortSignal.any would keep itself, its listeners and what
// they hold for as long as a long-lived source lives: measured 4 KB a call.
export interface LinkedAbort extends Disposable {
  readonly signal: AbortSignal;
  /** Aborts this one alone; the first reason stays. */
  readonly abort: (reason: unknown) => void;
  /** Stops following; the signal stays as it is. */
  readonly unlink: () => void;
}

export function linkAbort(sources: readonly (AbortSignal | undefined)[]): LinkedAbort {
  const controller = new AbortController();
  const links = new Map<AbortSignal, () => void>();
  const unlink = (): void => {
    for (const [source, listener] of links) source.removeEventListener('abort', listener);
    links.clear();
  };
  const abort = (reason: unknown): void => {
    unlink();
    controller.abort(reason);
  };
  for (const source of sources) {
    if (source === undefined || controller.signal.aborted || links.has(source)) continue;
    if (source.aborted) {
      abort(source.reason);
      continue;
    }
    const listener = (): void => abort(source.reason);
    links.set(source, listener);
    source.addEventListener('abort', listener);
  }
  return { signal: controller.signal, abort, unlink, [Symbol.dispose]: unlink };
}
