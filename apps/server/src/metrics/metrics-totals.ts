// Everything that is counted on this server, added up over its planes and, through what is saved, over its daemons.
// Pure: who reports, who scrapes and where it is saved is decided elsewhere.
import { bucketBoundsMs } from '@tako/proxy';
import type { DeploymentMetrics, HistogramCounts, PlaneGauges, PlaneMetricsReport } from '@tako/proxy';
import { z } from 'zod';
import type { HistogramSample, Labels } from './exposition.ts';
import { Tally } from './tally.ts';
import type { Figures } from './tally.ts';

const figuresSchema = z.record(z.string(), z.number().nonnegative());
const tallySchema = z.object({ total: figuresSchema, last: z.record(z.string(), figuresSchema) });

export const savedMetricsSchema = z.object({
  server: tallySchema,
  deployments: z.record(z.string(), tallySchema),
});
export type SavedMetrics = z.infer<typeof savedMetricsSchema>;

export type HistogramName = 'duration' | 'upstream' | 'coldStart';

function histogramFigures(name: HistogramName, { buckets, sumMs }: HistogramCounts): [string, number][] {
  return [
    ...buckets.map((count, index): [string, number] => [`${name}.${index}`, count]),
    [`${name}.sumMs`, sumMs],
  ];
}

function deploymentFigures({ requests, duration, upstream }: DeploymentMetrics): Figures {
  return Object.fromEntries([
    ...Object.entries(requests).map(([status, count]) => [`requests.${status}`, count]),
    ...histogramFigures('duration', duration),
    ...histogramFigures('upstream', upstream),
  ]);
}

const noGauges: PlaneGauges = { connectionsOpen: 0, connectionsParked: 0 };

export class MetricsTotals {
  readonly server: Tally;
  readonly #deployments = new Map<string, Tally>();
  readonly #gauges = new Map<number, PlaneGauges>();

  /** `saved`: of the daemon before; only the last words of `living` planes count on. */
  constructor(saved: SavedMetrics | null = null, living: ReadonlySet<number> = new Set()) {
    this.server = new Tally(saved?.server, living);
    for (const [id, tally] of Object.entries(saved?.deployments ?? {}))
      this.#deployments.set(id, new Tally(tally, living));
  }

  report(plane: number, { counters, gauges, deployments }: PlaneMetricsReport): void {
    this.server.report(plane, { ...counters });
    this.#gauges.set(plane, gauges);
    for (const metrics of deployments)
      this.deployment(metrics.deploymentId).report(plane, deploymentFigures(metrics));
  }

  forgetPlane(plane: number): void {
    this.#gauges.delete(plane);
    for (const tally of [this.server, ...this.#deployments.values()]) tally.forgetPlane(plane);
  }

  /** Deleted apps leave: what is shown grows with what there is, never with what there was. */
  keepOnly(deploymentIds: ReadonlySet<string>): void {
    for (const id of this.#deployments.keys())
      if (id !== '' && !deploymentIds.has(id)) this.#deployments.delete(id);
  }

  coldStart(deploymentId: string, outcome: 'started' | 'failed', durationMs: number): void {
    const tally = this.deployment(deploymentId);
    tally.add(`coldStarts.${outcome}`, 1);
    if (outcome === 'failed') return;
    const bucket = bucketBoundsMs.findIndex((bound) => durationMs <= bound);
    tally.add(`coldStart.${bucket === -1 ? bucketBoundsMs.length : bucket}`, 1);
    tally.add('coldStart.sumMs', durationMs);
  }

  certificateOrder(result: 'issued' | 'failed'): void {
    this.server.add(`certificateOrders.${result}`, 1);
  }

  /** '' for requests of no deployment. */
  deployment(id: string): Tally {
    const tally = this.#deployments.get(id) ?? new Tally();
    this.#deployments.set(id, tally);
    return tally;
  }

  get deploymentIds(): readonly string[] {
    return [...this.#deployments.keys()].toSorted();
  }

  /** Over the planes that live. */
  get gauges(): PlaneGauges {
    return [...this.#gauges.values()].reduce(
      (sum, gauges) => ({
        connectionsOpen: sum.connectionsOpen + gauges.connectionsOpen,
        connectionsParked: sum.connectionsParked + gauges.connectionsParked,
      }),
      noGauges,
    );
  }

  /** null before the first one. */
  histogram(id: string, name: HistogramName, labels: Labels): HistogramSample | null {
    const tally = this.deployment(id);
    const buckets = Array.from({ length: bucketBoundsMs.length + 1 }, (_, at) => tally.get(`${name}.${at}`));
    if (buckets.every((count) => count === 0)) return null;
    return { labels, buckets, sum: tally.get(`${name}.sumMs`) / 1_000 };
  }

  get saved(): SavedMetrics {
    const deployments = Object.fromEntries([...this.#deployments].map(([id, tally]) => [id, tally.saved]));
    return structuredClone({ server: this.server.saved, deployments });
  }
}
