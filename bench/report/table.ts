// The result as Markdown tables.
import {
  cpuPerUnit,
  leastRatioTo,
  median,
  ratioTo,
  type RunResult,
  type WorkersResult,
  type WorkloadResult,
} from './result.ts';

const reference = 'nginx';

function figure(value: number | null, digits: number): string {
  return value === null || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}

function workloadTable(result: WorkloadResult): string {
  const isHeavy = result.operationsPerUnit > 1;
  const rows = result.peers.map((peer) => {
    const cpu = median(peer.samples.map((sample) => cpuPerUnit(result, sample)));
    const of = (pick: (sample: (typeof peer.samples)[number]) => number | null): number =>
      median(peer.samples.map((sample) => pick(sample) ?? Number.NaN));
    const failed = peer.samples.reduce((sum, sample) => sum + sample.failed, 0);
    return [
      peer.peer,
      isHeavy ? `${figure(cpu / 1_000, 0)} ms` : `${figure(cpu, 1)} µs`,
      `${figure(ratioTo(reference, result, peer), 2)}×`,
      `${figure(leastRatioTo(reference, result, peer), 2)}×`,
      figure(
        of((sample) => sample.perSecond),
        isHeavy ? 1 : 0,
      ),
      figure(
        of((sample) => sample.p50Ms),
        2,
      ),
      figure(
        of((sample) => sample.p99Ms),
        2,
      ),
      `${figure(of((sample) => sample.memoryBytes) / 1024 / 1024, 0)} MiB`,
      String(failed),
    ];
  });
  return [
    `### ${result.title}`,
    '',
    `| peer | CPU per ${result.unit} | to ${reference} | cheapest rounds | per second | p50 ms | p99 ms | memory | failed |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
}

export function formatTables(run: RunResult): string {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    '# Benchmarks',
    '',
    `${run.machine}. ${versions.join(', ')}.`,
    '',
    'CPU time of the proxy processes from /proc, one process or thread each, medians over the rounds; ratios are taken',
    'within a round, since all peers take turns in each. "Cheapest rounds" compares the least that each peer needed: what',
    'else the machine does can only add. Requests per second and latencies share two cores with the load and say little by',
    'themselves.',
    '',
    ...run.workloads.map(workloadTable),
  ];
  if (run.memory !== null) {
    parts.push(
      `### ${run.memory.title}`,
      '',
      '| peer | memory each |',
      '| --- | ---: |',
      ...run.memory.peers.map(({ peer, bytesEach }) => `| ${peer} | ${figure(bytesEach / 1024, 1)} KiB |`),
      '',
    );
  }
  parts.push(...run.workers.map(workersTable));
  return parts.join('\n');
}

function workersTable({ title, workers }: WorkersResult): string {
  const all = workers.reduce((sum, { requests }) => sum + requests, 0);
  return [
    `### ${title}`,
    '',
    '| worker | requests | share | CPU |',
    '| --- | ---: | ---: | ---: |',
    ...workers.map(
      ({ requests, cpuMicros }, index) =>
        `| ${index + 1} | ${requests} | ${figure((requests / all) * 100, 0)} % | ${figure(cpuMicros / 1_000, 0)} ms |`,
    ),
    '',
  ].join('\n');
}
