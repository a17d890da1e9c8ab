// `tako-server upgrade` as a test runs it: its start, its end, and what it said by then.
import { type CapturedProcess, startCaptured } from '../support/captured-process.ts';
import type { BuildArchive, ServerBuilds } from '../support/server-builds.ts';

export interface Ended {
  readonly code: number | null;
  /** The last line. */
  readonly outcome: Readonly<Record<string, unknown>>;
  readonly steps: readonly string[];
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** What it was started with; `socketPath` of the server that it upgrades. */
export interface UpgradePlace {
  readonly builds: ServerBuilds;
  readonly socketPath: string;
}

export const archiveArgs = ({ file, sha256 }: BuildArchive): string[] => [file, '--sha256', sha256];

export function beginUpgrade(
  { builds, socketPath }: UpgradePlace,
  args: readonly string[],
): Promise<CapturedProcess> {
  const places = ['--socket', socketPath, '--builds', builds.directory];
  return startCaptured(builds.program, ['upgrade', ...args, ...places, '--json'], { env: {} });
}

export async function endOfUpgrade(upgrade: CapturedProcess): Promise<Ended> {
  const { code } = await upgrade.closed;
  const lines = upgrade.stdout().split('\n').filter(Boolean);
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const steps = events.flatMap((event) => (event['type'] === 'step' ? [String(event['step'])] : []));
  const outcome = events.at(-1) ?? { type: upgrade.stderr() };
  return { code, outcome, steps, events };
}
