// The known word nearest to a mistyped one. Pure.

/** The candidate with the fewest edits (insert, delete, replace, swap neighbours), case ignored; null without candidates. */
export function nearestKey(word: string, candidates: readonly string[]): string | null {
  let nearest: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  const asked = word.slice(0, 64).toLowerCase();
  for (const candidate of candidates) {
    const edits = editDistance(asked, candidate.slice(0, 64).toLowerCase());
    if (edits < fewest) {
      nearest = candidate;
      fewest = edits;
    }
  }
  return nearest;
}

/** Close enough to ask "did you mean": at most a third of the word, and at most three edits. */
export function isNear(word: string, candidate: string): boolean {
  const edits = editDistance(word.slice(0, 64).toLowerCase(), candidate.slice(0, 64).toLowerCase());
  return edits <= Math.min(3, Math.max(1, Math.floor(candidate.length / 3)));
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
