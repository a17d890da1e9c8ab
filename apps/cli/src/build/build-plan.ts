// What a build will do, step by step, made from the configuration and the source tree before anything runs. Pure.
import path from 'node:path';
import { TakoError, type PackageManager, type Runtime } from '@tako/config';
import type { DetectedPackageManager } from './package-manager.ts';
import type { PresetOutput } from './preset-output.ts';

export interface BuildStageConfig {
  readonly name: string | null;
  readonly cwd: string | null;
  readonly install: string | null;
  readonly run: string;
  readonly exclude: readonly string[];
}

/** What a build needs to know of `tako.toml`; `null` leaves a choice to detection, `''` switches it off. */
export interface BuildConfig {
  readonly run: string | null;
  readonly install: string | null;
  readonly cwd: string | null;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly stages: readonly BuildStageConfig[];
  readonly assets: readonly string[];
  readonly output: PresetOutput;
  readonly runtime: Runtime;
  readonly runtimeVersion: string | null;
  readonly packageManager: PackageManager | null;
}

export interface BuildStep {
  readonly title: string;
  /** Relative to the workspace root. */
  readonly cwd: string;
  readonly commandLine: string;
}

export interface BuildSteps {
  readonly steps: readonly BuildStep[];
  /** Patterns left out of the artifact, each relative to its base. */
  readonly excludes: readonly { readonly base: string; readonly patterns: readonly string[] }[];
}

export interface BuildStepFacts {
  readonly appDir: string;
  readonly manager: DetectedPackageManager | null;
  /** `npm run build`, where package.json has such a script. */
  readonly buildScript: string | null;
}

export function planBuildSteps(config: BuildConfig, facts: BuildStepFacts): BuildSteps {
  const steps: BuildStep[] = [];
  const install = config.install ?? facts.manager?.install ?? null;
  if (install !== null && install !== '') {
    const cwd = config.install === null ? (facts.manager?.installDir ?? facts.appDir) : facts.appDir;
    steps.push({ title: 'Install dependencies', cwd, commandLine: install });
  }
  const below = (cwd: string | null): string => joinBelowRoot(facts.appDir, cwd ?? '.');
  for (const [index, stage] of config.stages.entries()) {
    const name = stage.name ?? `stage ${index + 1}`;
    const cwd = below(stage.cwd);
    if (stage.install) steps.push({ title: `Install for ${name}`, cwd, commandLine: stage.install });
    steps.push({ title: `Build ${name}`, cwd, commandLine: stage.run });
  }
  const run = config.stages.length > 0 ? null : (config.run ?? facts.buildScript);
  if (run !== null && run !== '') steps.push({ title: 'Build', cwd: below(config.cwd), commandLine: run });
  const excludes = [
    { base: facts.appDir, patterns: [...config.output.exclude, ...config.exclude] },
    ...config.stages.map((stage) => ({ base: below(stage.cwd), patterns: stage.exclude })),
  ];
  return { steps, excludes: excludes.filter(({ patterns }) => patterns.length > 0) };
}

/** A stage may leave the app's directory (a monorepo's library), never the workspace root (spec 10). */
function joinBelowRoot(appDir: string, cwd: string): string {
  const joined = path.posix.join(appDir, cwd).replace(/\/$/, '');
  if (joined !== '..' && !joined.startsWith('../')) return joined === '' ? '.' : joined;
  throw new TakoError('CONFIG_INVALID', `the cwd "${cwd}" of a build stage leaves the workspace root`, {
    hint: 'A stage runs in the git root, the workspace root or below; correct `cwd` in tako.toml.',
  });
}
