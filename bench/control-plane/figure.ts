// What one measurement of the control plane found, and how it stands against its goal.

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ms' | 'MB';
  /** Each round's. The median is what counts. */
  readonly samples: readonly number[];
  /** At most so much, on an idle machine; null where no goal is set. */
  readonly goal: number | null;
  /** What was taken off, or stands beside it. */
  readonly note: string;
}

export interface Measurement {
  readonly id: string;
  measure(): Promise<readonly Figure[]>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const megabytes = (bytes: number): number => Math.round(bytes / 100_000) / 10;
