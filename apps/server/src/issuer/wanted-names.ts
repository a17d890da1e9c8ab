// From routes to names that are to be certified, each by one app. Pure.
import { hostsOf, isCovered, isPrivateName, isWildcard } from './name-rules.ts';

export interface WantedRoutes {
  readonly deploymentId: string;
  readonly routes: readonly string[];
}

/** The names of one app, which go into one order where that is possible. */
export interface WantedNames {
  readonly deploymentId: string;
  readonly names: readonly string[];
}

export interface NamePolicy {
  readonly canValidateByDns: boolean;
  /** Served by certificates that were given to us. */
  readonly customNames: readonly string[];
}

export interface NameSelection {
  readonly wanted: readonly WantedNames[];
  /** Wildcards that nobody can validate. */
  readonly unprovided: readonly string[];
}

/**
 * Leaves out private names, those of custom certificates, and those that a wildcard of any app covers (an order with
 * both is refused as redundant). A host that several apps share belongs to the first of them by id.
 */
export function selectNames(apps: readonly WantedRoutes[], policy: NamePolicy): NameSelection {
  const custom = new Set(policy.customNames);
  const hosts = apps
    .toSorted((a, b) => (a.deploymentId < b.deploymentId ? -1 : 1))
    .map(({ deploymentId, routes }) => ({
      deploymentId,
      names: hostsOf(routes).filter((name) => !isPrivateName(name) && !isCovered(name, custom)),
    }));
  const all = hosts.flatMap(({ names }) => names);
  const wildcards = new Set(policy.canValidateByDns ? all.filter(isWildcard) : []);
  const taken = new Set<string>();
  const wanted: WantedNames[] = [];
  for (const { deploymentId, names } of hosts) {
    const own = names.filter((name) => {
      if (taken.has(name) || (isWildcard(name) ? !wildcards.has(name) : isCovered(name, wildcards)))
        return false;
      taken.add(name);
      return true;
    });
    if (own.length > 0) wanted.push({ deploymentId, names: own });
  }
  const unprovided = [...new Set(all.filter((name) => isWildcard(name) && !wildcards.has(name)))];
  return { wanted, unprovided: unprovided.toSorted() };
}
