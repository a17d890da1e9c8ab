// A project for the real command: an app by behaviour, its tako.toml, and a TAKO_HOME whose inventory names one server.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { CapturedProcess } from './captured-process.ts';
import { createExampleProject } from './example-project.ts';
import { type TakoOptions, type TakoResult, runTako, startTako } from './run-tako.ts';

const behaviours = path.resolve(import.meta.dirname, '../fixtures/behaviours');

export interface CliProject extends AsyncDisposable {
  readonly dir: string;
  readonly home: string;
  run(
    args: readonly string[],
    options?: Pick<TakoOptions, 'input' | 'env' | 'timeoutMs'>,
  ): Promise<TakoResult>;
  /** As `run`, and it must succeed. */
  succeed(args: readonly string[], options?: Pick<TakoOptions, 'input' | 'env'>): Promise<TakoResult>;
  start(args: readonly string[]): Promise<CapturedProcess>;
  /** Writes a file and commits it, so that the next deploy is another version. */
  change(file: string, text: string): Promise<void>;
}

export interface CliProjectOptions {
  readonly takoToml: string;
  /** Of the server that is called `here` in the inventory. */
  readonly socketPath: string;
  /** An example's name or a folder; default: the behaviours. */
  readonly source?: string;
}

export async function createCliProject(options: CliProjectOptions): Promise<CliProject> {
  const home = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-home-'));
  const inventory = `[[servers]]\nname = "here"\nhost = "unix:${options.socketPath}"\n`;
  await fs.writeFile(path.join(home, 'config.toml'), inventory);
  const project = await createExampleProject(options.source ?? behaviours, { takoToml: options.takoToml });
  const place = { cwd: project.appDir, home };
  const run: CliProject['run'] = (args, more) => runTako(args, { ...place, ...more });
  return {
    dir: project.appDir,
    home,
    run,
    succeed: async (args, more) => {
      const result = await run(args, more);
      if (result.exitCode !== 0)
        throw new Error(`tako ${args.join(' ')} ended with ${result.exitCode}:\n${result.output}`);
      return result;
    },
    start: (args) => startTako(args, place),
    change: async (file, text) => {
      await fs.mkdir(path.dirname(path.join(project.appDir, file)), { recursive: true });
      await project.commitChange(file, text);
    },
    [Symbol.asyncDispose]: async () => {
      await project[Symbol.asyncDispose]();
      await fs.rm(home, { recursive: true, force: true });
    },
  };
}
