// A real git repository in a directory of a test, whatever the machine's git configuration says.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readProcessEnvironment } from '../process-environment.ts';

const run = promisify(execFile);

export interface GitRepository {
  git(...args: string[]): Promise<string>;
  /** Adds everything and commits; returns the commit's id. */
  commit(message?: string): Promise<string>;
}

export function gitEnvironment(): Record<string, string> {
  return {
    PATH: readProcessEnvironment().variables['PATH'] ?? '',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Test',
    GIT_AUTHOR_EMAIL: 'test@example.com',
    GIT_COMMITTER_NAME: 'Test',
    GIT_COMMITTER_EMAIL: 'test@example.com',
  };
}

export async function createGitRepository(directory: string): Promise<GitRepository> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', args, { cwd: directory, env: gitEnvironment() })).stdout.trim();
  await git('init', '-q', '-b', 'main');
  return {
    git,
    commit: async (message = 'a commit') => {
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}
