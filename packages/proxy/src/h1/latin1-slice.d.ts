// Node's `latin1Slice`, which is what `toString('latin1', …)` ends in; its types leave it out.
interface Buffer {
  latin1Slice(start: number, end: number): string;
}
