// Raw ports of `[[streams]]` (spec 50): reads `listen`, names the instance's variable.
import { isIP } from 'node:net';
import { describeFound } from './config-problem.ts';
import type { ProjectSource } from './project-schema.ts';
import type { StreamSettings } from './project.types.ts';
import type { Report } from './project-vars.ts';
import type { TomlPath } from './toml-scanner.ts';

type StreamSource = NonNullable<ProjectSource['streams']>[number];

export function resolveStreams(
  sources: readonly StreamSource[],
  path: TomlPath,
  report: Report,
): readonly StreamSettings[] {
  const streams: StreamSettings[] = [];
  for (const [index, { name, protocol, listen }] of sources.entries()) {
    const at = parseListen(listen);
    if (at === null) {
      report(
        [...path, index, 'listen'],
        describeFound(listen),
        'a port, or an address and a port like "127.0.0.1:5432"',
      );
      continue;
    }
    const twin = streams.find(
      (other) =>
        other.protocol === protocol &&
        other.port === at.port &&
        (other.host === at.host || other.host === null || at.host === null),
    );
    if (twin !== undefined)
      report([...path, index, 'listen'], `the port of the stream "${twin.name}"`, 'each port once');
    streams.push({ name, protocol, ...at, portVariable: `PORT_${name.toUpperCase().replaceAll('-', '_')}` });
  }
  return streams;
}

function parseListen(listen: number | string): { host: string | null; port: number } | null {
  if (typeof listen === 'number') return { host: null, port: listen };
  const match = /^(?:(?<v6>\[[0-9a-fA-F:.]+\])|(?<host>[0-9.]*))?:?(?<port>(?<=^|:)\d{1,5})$/.exec(listen);
  const port = Number(match?.groups?.['port']);
  if (match === null || !(port >= 1 && port <= 65_535)) return null;
  const host = match.groups?.['v6']?.slice(1, -1) ?? match.groups?.['host'] ?? '';
  if (host === '') return { host: null, port };
  return isIP(host) === 0 ? null : { host, port };
}
