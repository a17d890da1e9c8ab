// A status report for people, as wide as the terminal: the columns that matter least go first. Pure.
import type { DeploymentStatus, InstanceStatus } from '@tako/protocol';
import { errorFacts } from '../output/error-report.ts';
import type { Style } from '../output/style.ts';
import { displayWidth, formatBytes, formatDuration, sanitizeText, wrapColumns } from '../output/text.ts';
import { formatTable } from '../output/table.ts';
import { failuresOf, valuesOf } from '../servers/outcomes.ts';
import { certificateLines } from './certificate-lines.ts';
import type { StatusReport } from './read-status.ts';

export interface StatusTextOptions {
  readonly style: Style;
  /** Of the terminal; Infinity where there is none. */
  readonly columns: number;
  readonly now: number;
}

interface Place {
  readonly server: string;
  readonly status: DeploymentStatus;
}

export function statusText({ outcomes }: StatusReport, options: StatusTextOptions): string {
  const apps = new Map<string, Place[]>();
  for (const { server, value } of valuesOf(outcomes)) {
    for (const status of value)
      apps.set(status.deploymentId, [...(apps.get(status.deploymentId) ?? []), { server, status }]);
  }
  const blocks = [...apps].map(([id, places]) => appBlock(id, places, options));
  const failures = failuresOf(outcomes).map(({ server, error }) => {
    const { code, message, hint } = errorFacts(error);
    return `${options.style.red('unreachable')} ${server}: ${sanitizeText(message)} (${code})${hint === null ? '' : `\n  ${sanitizeText(hint)}`}`;
  });
  const empty = blocks.length === 0 && failures.length === 0 ? ['nothing is deployed'] : [];
  return [...blocks, ...failures, ...empty].join('\n\n');
}

function appBlock(id: string, places: readonly Place[], options: StatusTextOptions): string {
  const routes = [...new Set(places.flatMap(({ status }) => status.routes))];
  return [
    ...[
      `${options.style.bold(id)}  ${routes.join(', ')}`,
      ...places.flatMap((place) => placeLines(place, options)),
    ].flatMap((line) => wrapColumns(line, options.columns, 2)),
    ...instanceTable(places, options).map((line) => `  ${line}`),
  ].join('\n');
}

function placeLines({ server, status }: Place, { style, now }: StatusTextOptions): string[] {
  const mode = status.mode === 'running' ? style.green(status.mode) : style.yellow(status.mode);
  const instances = status.builds.flatMap((build) => build.instances);
  const healthy = instances.filter(({ state }) => state === 'healthy').length;
  const memory = instances.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  const lines = [
    `  ${server}: ${mode}, ${healthy}/${status.instancesWanted} healthy, ${status.requestsPerSecond.toFixed(1)} req/s, ${status.inFlight} in flight${memory === 0 ? '' : `, ${formatBytes(memory)}`}`,
  ];
  if (status.restartsLastMinute > 0)
    lines.push(`    ${style.yellow(`${status.restartsLastMinute} restarts in the last minute`)}`);
  if (status.rollout !== null)
    lines.push(
      `    ${style.cyan(`${status.rollout.kind} under way${status.rollout.to === null ? '' : ` to ${status.rollout.to}`}`)}, ${formatDuration(Math.max(0, now - status.rollout.startedAt))}`,
    );
  lines.push(...certificateLines(status.certificates, style, now).map((line) => `    ${line}`));
  if (status.lastError !== null) {
    const ago = formatDuration(Math.max(0, now - status.lastError.at));
    lines.push(
      `    ${style.red('last error')} ${ago} ago: ${sanitizeText(status.lastError.message)} (${status.lastError.code})`,
    );
  }
  return lines;
}

interface Column {
  readonly head: string;
  readonly cell: (row: Row) => string;
}
interface Row {
  readonly server: string;
  readonly release: string;
  /** null: a deployment without instances. */
  readonly instance: InstanceStatus | null;
  readonly mode: string;
}

const columnsFor = (now: number): Readonly<Record<string, Column>> => ({
  server: { head: 'SERVER', cell: ({ server }) => server },
  release: { head: 'RELEASE', cell: ({ release }) => release },
  instance: { head: 'INSTANCE', cell: ({ instance }) => instance?.id ?? '-' },
  state: { head: 'STATE', cell: ({ instance, mode }) => instance?.state ?? mode },
  up: {
    head: 'UP',
    cell: ({ instance }) => (instance === null ? '' : formatDuration(Math.max(0, now - instance.startedAt))),
  },
  memory: {
    head: 'MEMORY',
    cell: ({ instance }) =>
      instance === null ? '' : instance.memoryBytes === null ? '-' : formatBytes(instance.memoryBytes),
  },
  inFlight: {
    head: 'IN FLIGHT',
    cell: ({ instance }) => (instance === null ? '' : String(instance.inFlight)),
  },
  probe: { head: 'LAST PROBE', cell: ({ instance }) => probeCell(instance) },
});

function probeCell(instance: InstanceStatus | null): string {
  if (instance === null) return '';
  const probe = instance.lastProbe;
  return probe === null ? '-' : probe.ok ? 'ok' : sanitizeText(probe.reason ?? 'failed');
}

/** Narrower from set to set; the last one is cut where it does not fit either. */
const columnSets: readonly (readonly string[])[] = [
  ['server', 'release', 'instance', 'state', 'up', 'memory', 'inFlight', 'probe'],
  ['server', 'release', 'instance', 'state', 'up', 'memory', 'probe'],
  ['server', 'release', 'instance', 'state', 'memory'],
  ['server', 'instance', 'state', 'memory'],
  ['server', 'state', 'memory'],
];

function instanceTable(places: readonly Place[], { columns, now }: StatusTextOptions): string[] {
  const known = columnsFor(now);
  const rows = places.flatMap(instanceRows);
  const tables = columnSets.map((names) => {
    const chosen = names.flatMap((name) => known[name] ?? []);
    const table = {
      head: chosen.map(({ head }) => head),
      rows: rows.map((row) => chosen.map(({ cell }) => cell(row))),
    };
    return formatTable(table, Infinity).split('\n');
  });
  const fits = (lines: readonly string[]): boolean =>
    lines.every((line) => displayWidth(line) + 2 <= columns);
  return tables.find(fits) ?? tables.at(-1) ?? [];
}

function instanceRows({ server, status }: Place): Row[] {
  const rows = status.builds.flatMap((build) =>
    build.instances.map((instance) => ({
      server,
      release: build.current ? build.version : `${build.version} (other)`,
      instance,
      mode: status.mode,
    })),
  );
  return rows.length > 0
    ? rows
    : [{ server, release: status.version ?? '-', instance: null, mode: status.mode }];
}
