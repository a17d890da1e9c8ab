// Maps over a list with a bounded number of calls in flight; results keep the list's order. Knows no files.

/** The first rejection wins; calls already started are awaited before it is thrown. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  results.length = items.length;
  // One iterator shared by all workers: each takes the next item that nobody has.
  const queue = items.entries();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await map(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(
    Array.from({ length: Math.min(limit, items.length) }, () => work()),
  );
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
  return results;
}
