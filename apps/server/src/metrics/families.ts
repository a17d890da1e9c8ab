// What this server shows to Prometheus: each series with its name, meaning and labels (docs/metrics.md). Pure.
import { bucketBoundsMs } from '@tako/proxy';
import { certificateFamilies } from './certificate-families.ts';
import type { CertificateFacts } from './certificate-families.ts';
import { counter, gauge } from './exposition.ts';
import type { Family, HistogramSample, Sample } from './exposition.ts';
import type { HistogramName, MetricsTotals } from './metrics-totals.ts';
import type { ProcessFigures } from './process-figures.ts';

export interface DeploymentFacts {
  readonly id: string;
  readonly instancesWanted: number;
  readonly inFlight: number;
  readonly instances: readonly {
    readonly id: string;
    readonly running: boolean;
    readonly healthy: boolean;
  }[];
}

export interface ServerFacts {
  readonly server: string;
  readonly version: string;
  readonly deployments: readonly DeploymentFacts[];
  readonly workersRunning: number;
  readonly certificates: CertificateFacts;
  readonly processes: Readonly<Record<'control' | 'workers', ProcessFigures>>;
  readonly startedAtSeconds: number;
}

const boundsSeconds = bucketBoundsMs.map((bound) => bound / 1_000);

type Head = Pick<Family, 'name' | 'help'>;

function requestFamilies(totals: MetricsTotals, server: string): Family[] {
  const histogram = (head: Head, which: HistogramName): Family => ({
    ...head,
    type: 'histogram',
    bounds: boundsSeconds,
    samples: totals.deploymentIds
      .map((app) => totals.histogram(app, which, { server, app }))
      .filter((sample): sample is HistogramSample => sample !== null),
  });
  const byName = (prefix: string, label: string): Sample[] =>
    totals.deploymentIds.flatMap((app) =>
      totals
        .deployment(app)
        .under(prefix)
        .map(([name, value]) => ({ labels: { server, app, [label]: name }, value })),
    );
  return [
    counter(
      'tako_http_requests_total',
      'Requests that ended, by status; 499: the client went away first.',
      byName('requests.', 'status'),
    ),
    histogram(
      {
        name: 'tako_http_request_duration_seconds',
        help: 'From the request head to the end of the response; without WebSockets and event streams.',
      },
      'duration',
    ),
    histogram(
      {
        name: 'tako_upstream_duration_seconds',
        help: 'From dialling an instance to the head of its response.',
      },
      'upstream',
    ),
    counter(
      'tako_cold_starts_total',
      'Starts of an app that a request woke, by result.',
      byName('coldStarts.', 'result'),
    ),
    histogram(
      {
        name: 'tako_cold_start_duration_seconds',
        help: 'From the wake to an instance in rotation, where it succeeded.',
      },
      'coldStart',
    ),
  ];
}

function connectionFamilies({ server: tally, gauges }: MetricsTotals, server: string): Family[] {
  const one = (value: number): Sample[] => [{ labels: { server }, value }];
  return [
    gauge('tako_http_active_connections', 'Client connections that are served.', one(gauges.connectionsOpen)),
    gauge(
      'tako_http_parked_connections',
      'Client connections past --max-connections that wait for a place.',
      one(gauges.connectionsParked),
    ),
    counter(
      'tako_http_connections_total',
      'Client connections accepted.',
      one(tally.get('connectionsAccepted')),
    ),
    counter(
      'tako_http_connections_refused_total',
      'Client connections refused for want of a place.',
      one(tally.get('connectionsRefused')),
    ),
    counter(
      'tako_tls_handshakes_total',
      'TLS handshakes by result: full, resumed or failed.',
      (['Full', 'Resumed', 'Failed'] as const).map((result) => ({
        labels: { server, result: result.toLowerCase() },
        value: tally.get(`handshakes${result}`),
      })),
    ),
    counter(
      'tako_proxy_protocol_refused_total',
      'Connections without a valid PROXY protocol header where one is demanded.',
      one(tally.get('proxyHeadersRefused')),
    ),
    counter(
      'tako_access_log_dropped_total',
      'Access-log lines that were dropped because they could not be written.',
      one(tally.get('accessLogDropped')),
    ),
  ];
}

function instanceFamilies({ server, deployments }: ServerFacts): Family[] {
  const each = (value: (facts: DeploymentFacts) => number): Sample[] =>
    deployments.map((facts) => ({ labels: { server, app: facts.id }, value: value(facts) }));
  return [
    gauge(
      'tako_http_requests_in_flight',
      'Requests, WebSockets and streams under way, held ones included.',
      each(({ inFlight }) => inFlight),
    ),
    gauge(
      'tako_instances_running',
      'Instances whose process runs and was ready.',
      each(({ instances }) => instances.filter(({ running }) => running).length),
    ),
    gauge(
      'tako_instances_wanted',
      'Instances that should run; 0 for an app that starts on demand.',
      each(({ instancesWanted }) => instancesWanted),
    ),
    gauge(
      'tako_instance_health',
      '1: the last probe of the instance was good; 0: not, or not yet.',
      deployments.flatMap(({ id, instances }) =>
        instances.map((instance) => ({
          labels: { server, app: id, instance: instance.id },
          value: instance.healthy ? 1 : 0,
        })),
      ),
    ),
  ];
}

function processFamilies({ processes, startedAtSeconds }: ServerFacts): Family[] {
  const each = (value: (figures: ProcessFigures) => number | null): Sample[] =>
    Object.entries(processes).flatMap(([process, figures]) => {
      const found = value(figures);
      return found === null ? [] : [{ labels: { process }, value: found }];
    });
  return [
    counter(
      'process_cpu_seconds_total',
      'User and system CPU time.',
      each(({ cpuSeconds }) => cpuSeconds),
    ),
    gauge(
      'process_resident_memory_bytes',
      'Resident memory.',
      each(({ residentBytes }) => residentBytes),
    ),
    gauge(
      'process_open_fds',
      'Open file descriptors.',
      each(({ openFds }) => openFds),
    ),
    gauge(
      'process_max_fds',
      'Open file descriptors allowed, each process.',
      each(({ maxFds }) => maxFds),
    ),
    gauge('process_start_time_seconds', 'When the control process started, in seconds since the epoch.', [
      { labels: { process: 'control' }, value: startedAtSeconds },
    ]),
  ];
}

export function metricFamilies(totals: MetricsTotals, facts: ServerFacts): Family[] {
  const { server, version, workersRunning } = facts;
  return [
    ...requestFamilies(totals, server),
    ...connectionFamilies(totals, server),
    ...instanceFamilies(facts),
    ...certificateFamilies(server, totals, facts.certificates),
    gauge('tako_workers_running', 'Proxy workers, those that are leaving included.', [
      { labels: { server }, value: workersRunning },
    ]),
    gauge('tako_build_info', 'The running version.', [{ labels: { server, version }, value: 1 }]),
    ...processFamilies(facts),
  ];
}
