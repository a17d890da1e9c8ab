// What the preset of an environment means for its build: a program of its own, a site of files, what to leave out, and
// whether the packages that the build traced can run on the servers as they are. Pure.
import process from 'node:process';
import { findPreset, type ResolvedEnvironment, type Server, type StandaloneOutput } from '@tako/config';

export interface PresetOutput {
  /** null: what runs lies in the app's folder, and the servers install its packages. */
  readonly standalone: StandaloneOutput | null;
  /** The artifact is that folder with the packages in it; the servers install nothing. */
  readonly isSelfContained: boolean;
  /** Only files are made: the program that serves them is added. */
  readonly isSite: boolean;
  readonly exclude: readonly string[];
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly libc: 'glibc' | 'musl' | null;
}

export function presetOutput(
  environment: ResolvedEnvironment,
  servers: readonly Pick<Server, 'arch' | 'libc'>[],
  machine: Machine,
): PresetOutput {
  const preset = findPreset(environment.preset);
  const runsOwn = environment.start !== null;
  const standalone = runsOwn ? null : (preset?.standalone ?? null);
  // A release command and processes are the project's own programs, with packages that no framework traced.
  const onlyTheServer = environment.releaseCommand === null && environment.processes.length === 0;
  return {
    standalone,
    isSelfContained:
      standalone !== null && onlyTheServer && servers.every((server) => runsAsOn(server, machine)),
    isSite: !runsOwn && environment.main === null && preset?.isSite === true,
    exclude: preset?.exclude ?? [],
  };
}

/** Packages with native code fit one platform. What the inventory does not know of a server is taken for different. */
function runsAsOn(server: Pick<Server, 'arch' | 'libc'>, machine: Machine): boolean {
  return machine.platform === 'linux' && server.arch === machine.arch && server.libc === machine.libc;
}

export function thisMachine(): Machine {
  const { platform, arch } = process;
  if (platform !== 'linux') return { platform, arch, libc: null };
  const report: unknown = process.report.getReport();
  const header = typeof report === 'object' && report !== null && 'header' in report ? report.header : null;
  const isGlibc = typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header;
  return { platform, arch, libc: isGlibc ? 'glibc' : 'musl' };
}
