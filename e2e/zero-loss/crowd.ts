// The clients of spec 90 (Zero loss, as figures), at its size, on one stage.
import { type Load, type LoadOptions, startLoad } from '../load/load-generator.ts';
import type { Report } from '../load/tally.ts';

export const CLIENTS = {
  fresh: 12,
  keepAlive: 20,
  http2: 8,
  upload: 3,
  download: 3,
  webSocket: 20,
  eventStream: 10,
} as const;

export const CLIENTS_TOTAL = Object.values(CLIENTS).reduce((sum, count) => sum + count, 0);

export const SMALL_REQUESTS_MIN = 20_000;
export const LARGE_UPLOADS = 5;
export const LARGE_UPLOAD_BYTES = 50 * 1024 * 1024;

const MIB = 1024 * 1024;

export interface Crowd extends Load {
  /** Of `performance.now()`: what `atMs` of its failures counts from. */
  readonly startedAt: number;
}

/** Bodies take a fraction of a second: some are under way at any moment, all end within any drain time-out. */
export function startCrowd(url: string, options: Partial<LoadOptions> = {}): Crowd {
  const startedAt = performance.now();
  const load = startLoad({
    url,
    clients: CLIENTS,
    thinkMs: 60,
    uploadBytes: MIB / 8,
    uploadBytesPerSecond: MIB,
    downloadBytes: MIB,
    downloadBytesPerSecond: 4 * MIB,
    messageIntervalMs: 250,
    ...options,
  });
  return { ...load, startedAt, [Symbol.asyncDispose]: load[Symbol.asyncDispose] };
}

/** Five uploads of 50 MB, one for each client, as fast as they go: some seconds. */
export function startLargeUploads(url: string): Promise<Report> {
  const load = startLoad({ url, clients: { upload: LARGE_UPLOADS }, uploadBytes: LARGE_UPLOAD_BYTES });
  // Nothing new is begun: each client has its one upload under way.
  return load.stop();
}

/** Those that have ended. */
export function smallRequests(report: Report): number {
  const kinds = [report.byKind.fresh, report.byKind.keepAlive, report.byKind.http2];
  return kinds.reduce((sum, of) => sum + (of === undefined ? 0 : of.ok + of.told + of.failed), 0);
}
