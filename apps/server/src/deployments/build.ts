// What an instance is made from: one release with one set of secrets.
import type { Manifest } from '@tako/config';

export interface Build {
  readonly version: string;
  readonly manifest: Manifest;
  /** `staged`: the secrets that the running rollout brings; they become `current` when it commits. */
  readonly secrets: 'current' | 'staged';
}
