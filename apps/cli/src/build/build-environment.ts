// The environment of build steps: the person's own, without what an outer package manager left in it. Never holds
// the app's variables or secrets, since one build serves every environment (facts 25).
import path from 'node:path';

/** Set by a package manager for the script it runs; inherited, they would point the inner one at the wrong project. */
const outerPackageManager =
  /^(?:npm_(?:lifecycle|package)_.*|npm_(?:command|execpath|node_execpath)|npm_config_(?:local_prefix|global_prefix|prefix|node_gyp|user_agent|workspaces?|include_workspace_root)|PNPM_SCRIPT_SRC_DIR|INIT_CWD)$/i;

export interface BuildEnvironmentFacts {
  readonly app: string;
  /** Absolute directories whose `node_modules/.bin` come first in PATH. */
  readonly binDirectories: readonly string[];
  readonly vars?: Readonly<Record<string, string>>;
}

export function createBuildEnvironment(
  own: Readonly<Record<string, string>>,
  facts: BuildEnvironmentFacts,
): Record<string, string> {
  const kept = Object.entries(own).filter(
    ([name]) => !outerPackageManager.test(name) && !name.startsWith('TAKO_'),
  );
  const bins = [...new Set(facts.binDirectories)].map((directory) =>
    path.join(directory, 'node_modules', '.bin'),
  );
  return {
    ...Object.fromEntries(kept),
    PATH: [...bins, own['PATH'] ?? ''].filter((entry) => entry !== '').join(path.delimiter),
    ...facts.vars,
    TAKO_BUILD: '1',
    TAKO_APP: facts.app,
  };
}
