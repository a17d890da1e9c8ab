// A hundred deploys leave nothing behind: descriptors, memory, processes, special files and counts of requests in
// flight are after the last what they were after the twentieth.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { processFacts, specialFiles } from '../support/processes.ts';
import { smallRequests, startCrowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { LiveHeaps, inspectableServer } from './live-heaps.ts';
import { type Stage, openStage, quickRollout } from './stage.ts';

const SETTLED_AFTER = 20;
const DEPLOYS = 100;
/** Of live objects: caches with a bound that are not full yet, code that V8 optimised since. */
const LIVE_HEAP_GROWTH_BYTES_MAX = 3 * 1024 * 1024;
/** What V8 and malloc hold back differs by that much from reading to reading. */
const RSS_GROWTH_BYTES_MAX = 48 * 1024 * 1024;
/** Library threads and timers may hold one more at any moment. */
const DESCRIPTORS_MORE_MAX = 2;

const briefRollout = { ...quickRollout, stable: 0.05 };
const lightLoad = { clients: { fresh: 2, keepAlive: 4, upload: 1 }, thinkMs: 25 };

interface Reading {
  readonly name: string;
  readonly pid: number;
  readonly descriptors: number;
  readonly rssBytes: number;
  readonly liveHeapBytes: number;
}

interface Footprint {
  readonly readings: readonly Reading[];
  readonly processes: number;
  readonly specialFiles: number;
  readonly releases: number;
}

test('after 100 deploys everything is as it was after 20', { timeout: 400_000 }, async () => {
  await using stage = await openStage({ instances: 1, program: inspectableServer });
  const versions = [await stage.ship(briefRollout), await stage.ship(briefRollout)] as const;
  const heaps = new LiveHeaps(() => stage.server.log());
  const deploys = async (from: number, to: number): Promise<Footprint> => {
    await using load = startCrowd(stage.url, lightLoad);
    for (let count = from; count < to; count += 1) await stage.deploy(versions[count % 2]!);
    const report = await load.stop();
    expect(report).toMatchObject({ failed: 0, reasons: {} });
    expect(smallRequests(report)).toBeGreaterThan(to - from);
    // The last one without load, so that no connection to the instance is kept for the next request.
    await stage.deploy(versions[to % 2]!);
    return measure(stage, heaps);
  };
  const settled = await deploys(1, SETTLED_AFTER);
  const last = await deploys(SETTLED_AFTER + 1, DEPLOYS);
  console.log(footprintsText(settled, last));
  expectFlat(settled, last);
});

/** Without load: one instance runs, nothing is in flight. */
async function measure(stage: Stage, heaps: LiveHeaps): Promise<Footprint> {
  const { server } = stage;
  await eventually('nothing in flight', 5000, async () => ((await inFlight(stage)) === 0 ? true : null));
  const info = await server.client.api.server_info.query(undefined);
  const parts = [
    { name: 'control process', pid: info.pid },
    ...info.workers.map(({ pid }, index) => ({ name: `worker ${index + 1}`, pid })),
  ];
  const readings: Reading[] = [];
  for (const { name, pid } of parts) {
    // Before the others, since it collects the garbage.
    const heapBytes = await heaps.bytesOf(pid);
    const facts = processFacts(pid);
    if (facts === null) throw new Error(`${name} is gone`);
    const { descriptors, rssBytes } = facts;
    readings.push({ name, pid, descriptors, rssBytes, liveHeapBytes: heapBytes });
  }
  return {
    readings,
    processes: server.processes().length,
    specialFiles: specialFiles(server.dir).length,
    releases: fs.readdirSync(path.join(server.dataDir, 'apps/load-app/releases')).length,
  };
}

async function inFlight(stage: Stage): Promise<number> {
  const { deployments } = await stage.server.client.api.status.query({});
  return deployments.reduce((sum, deployment) => sum + deployment.inFlight, 0);
}

function expectFlat(settled: Footprint, last: Footprint): void {
  settled.readings.forEach((before, index) => {
    const after = last.readings[index]!;
    expect(after.pid, `${before.name} is the same process`).toBe(before.pid);
    expect(after.descriptors, `descriptors of the ${before.name}`).toBeLessThanOrEqual(
      before.descriptors + DESCRIPTORS_MORE_MAX,
    );
    expect(after.liveHeapBytes, `live objects of the ${before.name}`).toBeLessThanOrEqual(
      before.liveHeapBytes + LIVE_HEAP_GROWTH_BYTES_MAX,
    );
    expect(after.rssBytes, `memory of the ${before.name}`).toBeLessThanOrEqual(
      before.rssBytes + RSS_GROWTH_BYTES_MAX,
    );
  });
  const counts = ({ processes, specialFiles, releases }: Footprint) => ({
    processes,
    specialFiles,
    releases,
  });
  expect(counts(last)).toEqual(counts(settled));
}

function footprintsText(settled: Footprint, last: Footprint): string {
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  const lines = settled.readings.map((before, index) => {
    const after = last.readings[index]!;
    const memory = `${mib(before.rssBytes)} → ${mib(after.rssBytes)} MiB resident`;
    const alive = `${mib(before.liveHeapBytes)} → ${mib(after.liveHeapBytes)} MiB alive`;
    return `  ${before.name}: ${before.descriptors} → ${after.descriptors} descriptors, ${memory}, ${alive}`;
  });
  return [
    `after ${SETTLED_AFTER} → after ${DEPLOYS} deploys`,
    ...lines,
    `  ${settled.processes} → ${last.processes} processes, ${settled.specialFiles} → ${last.specialFiles} sockets and FIFOs, ${settled.releases} → ${last.releases} releases`,
  ].join('\n');
}
