// All deployments this server has or is about to have, by id.
import { TakoError } from '@tako/config';
import type { Manifest } from '@tako/config';
import type { DeploymentRecord } from '@tako/store';
import { Deployment } from './deployment.ts';
import type { DeploymentDeps } from './deployment.ts';

export class DeploymentSet {
  readonly #deployments = new Map<string, Deployment>();
  readonly #depsFor: (id: string) => DeploymentDeps;

  constructor(depsFor: (id: string) => DeploymentDeps) {
    this.#depsFor = depsFor;
  }

  create(record: DeploymentRecord, manifest: Manifest): Deployment {
    const deployment = new Deployment(record, manifest, this.#depsFor(record.id));
    this.#deployments.set(record.id, deployment);
    return deployment;
  }

  find(id: string): Deployment | undefined {
    return this.#deployments.get(id);
  }

  /** Throws APP_NOT_FOUND. */
  get(id: string): Deployment {
    const deployment = this.#deployments.get(id);
    if (deployment !== undefined) return deployment;
    throw new TakoError('APP_NOT_FOUND', `this server has no deployment ${id}`, {
      hint: 'tako status lists what the server runs',
      details: { deploymentId: id },
    });
  }

  delete(id: string): void {
    this.#deployments.delete(id);
  }

  get all(): readonly Deployment[] {
    return [...this.#deployments.values()];
  }
}
