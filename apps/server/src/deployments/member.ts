// One instance as its deployment sees it: the supervisor's handle and its place in the rotation.
import type { Instance, InstanceEvent } from '@tako/supervisor';
import type { ViewMember } from '../snapshot/deployment-view.ts';
import type { Build } from './build.ts';

export class Member {
  readonly id: string;
  readonly build: Build;
  readonly instance: Instance;
  /** Proven and taken into rotation by its deployment. */
  inRotation = false;
  /** Out of rotation for good. */
  retiring = false;
  #timeoutsOnly = false;

  constructor(build: Build, instance: Instance) {
    this.id = instance.spec.id;
    this.build = build;
    this.instance = instance;
  }

  get view(): ViewMember {
    return {
      id: this.id,
      version: this.build.version,
      port: this.instance.port,
      protocol: this.build.manifest.upstream_protocol,
      state: this.instance.state,
      inRotation: this.inRotation,
      retiring: this.retiring,
      timeoutsOnly: this.#timeoutsOnly,
    };
  }

  /** True when the view may have changed. */
  apply(event: InstanceEvent): boolean {
    if (event.type === 'stateChanged') return true;
    if (event.type !== 'probed' || event.timeoutsOnly === this.#timeoutsOnly) return false;
    this.#timeoutsOnly = event.timeoutsOnly;
    return true;
  }
}
