// The manifest of a deploy and the version it goes under, once the build and the servers' releases are known. Pure.
import { manifestDigest, type Manifest } from '@tako/config';
import type { Build } from '../build/build.ts';
import { appendManifestHash } from '../build/version-id.ts';
import type { ServerFacts } from './check-server.ts';
import { createManifest } from './create-manifest.ts';
import type { DeployPlan } from './deploy-plan.ts';

/** Spec 30, step 4: a version that a server has with another manifest gets the manifest's hash appended, on all servers. */
export function settleManifest(plan: DeployPlan, build: Build, servers: readonly ServerFacts[]): Manifest {
  const facts = {
    environment: plan.target.environment,
    ...plan.detected,
    secretNames: Object.keys(plan.secrets ?? {}).sort(),
    build,
    builtAt: new Date(),
  };
  const manifest = createManifest({ ...facts, version: build.version });
  const digest = manifestDigest(manifest);
  const differs = servers.some(({ releases }) =>
    releases.some(
      (release) =>
        release.version === build.version &&
        (release.manifestSha256 !== digest || release.sha256 !== build.artifact.sha256),
    ),
  );
  return differs
    ? createManifest({ ...facts, version: appendManifestHash(build.version, digest) })
    : manifest;
}
