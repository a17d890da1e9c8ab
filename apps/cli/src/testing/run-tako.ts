// The command line as a real process, in a project and a home of a test: the built program where the whole suite runs,
// which has just built it and which starts four times as fast; else its sources.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readProcessEnvironment } from '../process-environment.ts';
import { createGitRepository, gitEnvironment, type GitRepository } from './git-repository.ts';
import { openTempDirectory, type TempDirectory } from './temp-directory.ts';

const program =
  readProcessEnvironment().variables['TAKO_TEST_BUILT'] === '1'
    ? [path.resolve(import.meta.dirname, '..', '..', 'dist', 'bundle', 'main.js')]
    : ['--conditions=source', path.resolve(import.meta.dirname, '..', 'main.ts')];

export interface TakoRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningTako {
  readonly child: ChildProcess;
  readonly finished: Promise<TakoRun>;
  /** Resolves when stdout or stderr has the text. */
  printed(text: string): Promise<void>;
}

export interface TestProject extends AsyncDisposable {
  readonly dir: TempDirectory;
  readonly takoHome: string;
  readonly repository: GitRepository;
  tako(
    args: readonly string[],
    options?: { stdin?: string; env?: Record<string, string>; cwd?: string },
  ): Promise<TakoRun>;
  start(
    args: readonly string[],
    options?: { stdin?: string; env?: Record<string, string>; cwd?: string },
  ): RunningTako;
}

const defaultToml = (servers: readonly string[]): string => `
name = "demo"
runtime = "node"
readiness = "http"
[envs.production]
route = "demo.example.com"
servers = [${servers.map((name) => `"${name}"`).join(', ')}]
[envs.staging]
route = "staging.demo.example.com"
servers = [${servers.map((name) => `"${name}"`).join(', ')}]
`;

/** A committed project, and an inventory of local sockets by name. */
export async function createTestProject(
  options: {
    servers?: Readonly<Record<string, string>>;
    toml?: string;
    files?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestProject> {
  const dir = await openTempDirectory('tako-project-');
  const home = await openTempDirectory('tako-home-');
  const servers = options.servers ?? {};
  await dir.write({
    'tako.toml': options.toml ?? defaultToml(Object.keys(servers)),
    'index.js': '// app\n',
    ...options.files,
  });
  const repository = await createGitRepository(dir.path);
  await repository.commit('the app');
  await mkdir(path.join(home.path, '.tako'));
  const inventory = Object.entries(servers).map(
    ([name, socket]) => `[[servers]]\nname = "${name}"\nhost = "unix:${socket}"\n`,
  );
  await writeFile(path.join(home.path, '.tako', 'config.toml'), inventory.join('\n'));
  const start: TestProject['start'] = (args, run = {}) =>
    startTako(args, {
      cwd: run.cwd ?? dir.path,
      stdin: run.stdin ?? '',
      env: { ...gitEnvironment(), HOME: home.path, ...run.env },
    });
  return {
    dir,
    takoHome: path.join(home.path, '.tako'),
    repository,
    start,
    tako: (args, run) => start(args, run).finished,
    [Symbol.asyncDispose]: async () => {
      await dir[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

export function startTako(
  args: readonly string[],
  options: { cwd: string; stdin: string; env: Record<string, string> },
): RunningTako {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...program, ...args], {
    cwd: options.cwd,
    env: { PATH: readProcessEnvironment().variables['PATH'] ?? '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (text.stderr += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin);
  const finished = once(child, 'close').then(() => ({ exitCode: child.exitCode, ...text }));
  return {
    child,
    finished,
    printed: async (wanted) => {
      while (!`${text.stdout}${text.stderr}`.includes(wanted)) {
        if (child.exitCode !== null)
          throw new Error(`tako ended without "${wanted}":\n${text.stdout}${text.stderr}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), finished]);
      }
    },
  };
}
