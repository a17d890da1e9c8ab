// What a run found, and the arithmetic of ratios: each round's figure over nginx's in the same round, then the median.

export interface Sample {
  readonly cpuMicros: number;
  readonly operations: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly memoryBytes: number;
}

export interface PeerResult {
  readonly peer: string;
  readonly samples: readonly Sample[];
}

export interface WorkloadResult {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly operationsPerUnit: number;
  readonly peers: readonly PeerResult[];
}

export interface MemoryResult {
  readonly title: string;
  readonly peers: readonly { readonly peer: string; readonly bytesEach: number }[];
}

/** How the work of one set of listening sockets divides over workers. */
export interface WorkersResult {
  readonly title: string;
  readonly workers: readonly { readonly requests: number; readonly cpuMicros: number }[];
}

export interface RunResult {
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly workloads: readonly WorkloadResult[];
  readonly memory: MemoryResult | null;
  readonly workers: readonly WorkersResult[];
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export const cpuPerUnit = (result: WorkloadResult, sample: Sample): number =>
  (sample.cpuMicros / sample.operations) * result.operationsPerUnit;

export function ratioTo(reference: string, result: WorkloadResult, peer: PeerResult): number {
  const other = result.peers.find((each) => each.peer === reference);
  if (other === undefined) return Number.NaN;
  const ratios = peer.samples.map((sample, round) => {
    const theirs = other.samples[round];
    return theirs === undefined ? Number.NaN : cpuPerUnit(result, sample) / cpuPerUnit(result, theirs);
  });
  return median(ratios);
}

const cheapest = (result: WorkloadResult, peer: PeerResult): number =>
  Math.min(...peer.samples.map((sample) => cpuPerUnit(result, sample)));

/** The cheapest rounds compared: what else the machine does can only add. */
export function leastRatioTo(reference: string, result: WorkloadResult, peer: PeerResult): number {
  const other = result.peers.find((each) => each.peer === reference);
  return other === undefined ? Number.NaN : cheapest(result, peer) / cheapest(result, other);
}
