// The version id of a release, from what the source tree is (spec 30, step 4). Pure.

export interface VersionFacts {
  readonly commitId: string | null;
  readonly dirty: boolean;
  /** Hex SHA-256 of the sources. */
  readonly sourceHash: string;
}

export function createVersionId(facts: VersionFacts): string {
  const hash8 = facts.sourceHash.slice(0, 8);
  if (facts.commitId === null) return `nogit_${hash8}`;
  const commit12 = facts.commitId.slice(0, 12);
  return facts.dirty ? `${commit12}_${hash8}` : commit12;
}

/** For a version that a server already has with another manifest: one build, two configurations. */
export function appendManifestHash(version: string, manifestSha256: string): string {
  return `${version}_${manifestSha256.slice(0, 8)}`;
}
