// The only reader of the daemon's environment variables.

import { handoffVariable } from './daemon/handoff-channel.ts';
import type { HandoffOffer } from './daemon/handoff-channel.ts';
import { serviceManagerVariables } from './service-manager/activation-request.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export function readEnvironment(): Environment {
  return Object.freeze({ ...process.env });
}

/** What the service manager said is for this process alone: no child may answer in its name. */
export function clearEnvironment(names: readonly string[]): void {
  for (const name of names) delete process.env[name];
}

/** The environment without what the service manager said to this very process. */
export function withoutServiceManager(environment: Environment): Environment {
  const own: readonly string[] = serviceManagerVariables;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !own.includes(name)));
}

/** What installs may see of the daemon's environment: where the registry is and whom to trust. */
export function registryEnvironment(environment: Environment): Record<string, string> {
  const names = [
    'NPM_CONFIG_REGISTRY',
    'npm_config_registry',
    'NODE_EXTRA_CA_CERTS',
    'SSL_CERT_FILE',
    'HTTPS_PROXY',
    'https_proxy',
    'NO_PROXY',
    'no_proxy',
  ];
  const entries = names.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** What a predecessor offers, taken out of the environment so that no child and no later successor sees it. */
export function takeHandoffOffer(): HandoffOffer | null {
  const text = process.env[handoffVariable];
  delete process.env[handoffVariable];
  if (text === undefined) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by handoff.ts, of this version or the one before
  return JSON.parse(text) as HandoffOffer;
}
