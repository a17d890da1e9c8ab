// What a deletion of an app takes with it on each of its servers, read before anybody is asked. Changes nothing.
import type { AppTarget } from '../app/target.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import type { OpenSession } from './read-status.ts';

export interface Belongings {
  readonly server: string;
  readonly instances: number;
  readonly routes: readonly string[];
  readonly releases: number;
  readonly secretNames: readonly string[];
}

/** Errors: APP_NOT_FOUND, PARTIAL_FAILURE: nobody agrees to what could not be seen. */
export async function readBelongings(
  target: AppTarget,
  open: OpenSession,
  signal: AbortSignal,
): Promise<Belongings[]> {
  const { deploymentId } = target;
  const outcomes = await onEachServer(target.servers, async (server) => {
    await using session = await open(server, signal);
    return await session.call(async ({ api }) => {
      const [status, releases, secrets] = await Promise.all([
        api.status.query({ deploymentId }, { signal }),
        api.releases.query({ deploymentId }, { signal }),
        api.secrets_digest.query({ deploymentId }, { signal }),
      ]);
      const deployments = status.deployments.filter((each) => each.deploymentId === deploymentId);
      return {
        server: server.name,
        instances: deployments.flatMap(({ builds }) => builds.flatMap((build) => build.instances)).length,
        routes: deployments.flatMap(({ routes }) => routes),
        releases: releases.length,
        secretNames: secrets.names,
      };
    });
  });
  throwFailures(outcomes, {
    what: 'looking at what would be deleted',
    finish: (failed) => `Leave ${failed.join(', ')} out: name the others with --server`,
  });
  return valuesOf(outcomes).map(({ value }) => value);
}

export function belongingsText(target: AppTarget, belongings: readonly Belongings[]): string {
  const lines = belongings.map(({ server, instances, routes, releases, secretNames }) =>
    [
      `  ${server}: ${count(instances, 'instance')}`,
      routes.length === 0 ? 'no routes' : `the routes ${routes.join(', ')}`,
      count(releases, 'release'),
      secretNames.length === 0 ? 'no secrets' : `the secrets ${secretNames.join(', ')}`,
      'its logs',
    ].join('; '),
  );
  return [`This deletes ${target.deploymentId} for good:`, ...lines].join('\n');
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
