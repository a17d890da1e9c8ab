// Which of these routes belong to somebody else on this server. The store's unique key decides at the commit; this
// tells it early.
import { TakoError } from '@tako/config';
import type { DeploymentRepository } from '@tako/store';

export interface RouteConflict {
  readonly route: string;
  /** The deployment id that has it. */
  readonly owner: string;
}

/** The same host and path pattern; overlaps of different specificity are none. Throws ROUTE_INVALID. */
export function routeConflicts(
  deployments: Pick<DeploymentRepository, 'routeOwners'>,
  deploymentId: string,
  routes: readonly string[],
): RouteConflict[] {
  return deployments
    .routeOwners(routes, deploymentId)
    .map(({ route, deploymentId: owner }) => ({ route, owner }))
    .toSorted((a, b) => (a.route < b.route ? -1 : 1));
}

export function routeConflictError(deploymentId: string, { route, owner }: RouteConflict): TakoError {
  return new TakoError(
    'ROUTE_CONFLICT',
    `The route ${route} belongs to ${owner}; ${deploymentId} cannot have it.`,
    {
      hint: `Take the route out of ${owner} (and deploy it), or choose another one for ${deploymentId}.`,
      details: { route, owner, deploymentId },
    },
  );
}
