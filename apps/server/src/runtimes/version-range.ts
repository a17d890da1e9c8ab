// `26`, `26.1`, `26.1.0`, `26.x` or a tag such as `lts`: which of the published versions is meant. Pure.

interface Version {
  readonly text: string;
  readonly parts: readonly [number, number, number];
}

const releasePattern = /^(\d+)\.(\d+)\.(\d+)$/;
const rangePattern = /^v?(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?$/;

/** Pre-releases and builds are left out: they are had by their exact name only. */
function parseRelease(text: string): Version | null {
  const match = releasePattern.exec(text);
  return match === null ? null : { text, parts: [Number(match[1]), Number(match[2]), Number(match[3])] };
}

function compare(a: Version, b: Version): number {
  return a.parts[0] - b.parts[0] || a.parts[1] - b.parts[1] || a.parts[2] - b.parts[2];
}

/** The newest that fits; null when none does. `range` null: the newest of all. */
export function newestMatching(versions: readonly string[], range: string | null): string | null {
  if (range !== null && versions.includes(range)) return range;
  const match = range === null ? null : rangePattern.exec(range);
  if (range !== null && match === null) return null;
  const wanted = (match ?? [])
    .slice(1)
    .filter((part): part is string => part !== undefined && part !== 'x')
    .map(Number);
  const fitting = versions
    .map(parseRelease)
    .filter((version): version is Version => version !== null)
    .filter((version) => wanted.every((part, index) => version.parts[index] === part));
  return fitting.toSorted(compare).at(-1)?.text ?? null;
}

/** Whether Node of this version strips types without being told (Node 22.18 and 23.6, "Type stripping"). */
export function stripsTypes(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}
