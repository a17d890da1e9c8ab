// The releases of an app on each of its servers. Knows no flags.
import type { ReleaseSummary } from '@tako/protocol';
import type { AppTarget } from '../app/target.ts';
import { formatTable } from '../output/table.ts';
import { sanitizeText } from '../output/text.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';

export interface ServerReleases {
  readonly server: string;
  readonly releases: readonly ReleaseSummary[];
}

/** Errors: APP_NOT_FOUND, PARTIAL_FAILURE. */
export async function listReleases(
  target: AppTarget,
  open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>,
  signal: AbortSignal,
): Promise<ServerReleases[]> {
  const outcomes = await onEachServer(target.servers, async (server) => {
    await using session = await open(server, signal);
    return await session.call(({ api }) =>
      api.releases.query({ deploymentId: target.deploymentId }, { signal }),
    );
  });
  throwFailures(outcomes, {
    what: 'listing the releases',
    finish: (failed) => `Leave ${failed.join(', ')} out with --server`,
  });
  return valuesOf(outcomes).map(({ server, value }) => ({
    server,
    releases: value.toSorted((a, b) => (b.deployedAt ?? b.preparedAt) - (a.deployedAt ?? a.preparedAt)),
  }));
}

export function releasesText(servers: readonly ServerReleases[], columns: number): string {
  const rows = servers.flatMap(({ server, releases }) =>
    releases.map((release) => [
      release.current ? '*' : '',
      server,
      release.version,
      release.state,
      new Date(release.deployedAt ?? release.preparedAt).toISOString().slice(0, 16).replace('T', ' '),
      sanitizeText(release.commitMessage ?? '').slice(0, 60),
    ]),
  );
  if (rows.length === 0) return 'no releases yet';
  const head = ['', 'SERVER', 'VERSION', 'STATE', 'TIME (UTC)', 'COMMIT'];
  return formatTable({ head, rows, titleColumns: 3 }, columns);
}
