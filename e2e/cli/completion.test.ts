// Completion in the real shells: their scripts as `tako autocomplete` prints them, asked as a person does, with Tab.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { makeHome } from './home.ts';
import { openShell } from './shell.ts';

const run = promisify(execFile);
const bin = path.resolve(import.meta.dirname, '../../bin');
const lacks = (shell: string): boolean =>
  process.env['TAKO_TEST_ALL'] !== '1' && !existsSync(`/usr/bin/${shell}`) && !existsSync(`/bin/${shell}`);

async function homeWithServers() {
  const home = await makeHome();
  const servers = ['web1', 'db'].map(
    (name) => `[[servers]]\nname = "${name}"\nhost = "${name}.example.com"\n`,
  );
  await fs.writeFile(path.join(home.dir, 'config.toml'), servers.join('\n'));
  return home;
}

describe('completes commands, flags and servers', { timeout: 60_000 }, () => {
  test('in bash', async () => {
    await using home = await homeWithServers();
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, TAKO_HOME: home.dir, HOME: home.dir };
    const ask = async (...words: string[]): Promise<string[]> => {
      const line = ['tako', ...words].map((word) => `'${word}'`).join(' ');
      const script = `source <(tako autocomplete bash); COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _tako; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return (await run('bash', ['--norc', '-c', script], { env })).stdout.trim().split('\n');
    };
    expect(await ask('dep')).toEqual(['deploy']);
    expect(await ask('deploy', '--wait')).toEqual(['--wait-lock']);
    expect(await ask('deploy', '--server', '')).toEqual(['web1', 'db']);
  });

  test.skipIf(lacks('fish'))('in fish', async () => {
    await using home = await homeWithServers();
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, TAKO_HOME: home.dir, HOME: home.dir };
    const ask = async (line: string): Promise<string[]> => {
      const script = `tako autocomplete fish | source; complete -C '${line}'`;
      const { stdout } = await run('fish', ['--no-config', '-c', script], { env });
      return stdout.trim().split('\n');
    };
    expect(await ask('tako dep')).toEqual([expect.stringMatching(/^deploy\tBuild this project/)]);
    expect(await ask('tako deploy --wait')).toEqual([expect.stringMatching(/^--wait-lock\t/)]);
    expect(await ask('tako deploy --server w')).toEqual(['web1']);
  });

  test.skipIf(lacks('zsh'))('in zsh, typed on a terminal', async () => {
    await using home = await homeWithServers();
    await using terminal = await openShell({ columns: 100, rows: 20, cwd: home.dir, takoHome: home.dir });
    await terminal.enter('exec zsh -f');
    await terminal.enter('source <(tako autocomplete zsh); echo "zsh=$ZSH_VERSION"');
    await terminal.shows(/^zsh=\d/m);
    await terminal.type('tako dep');
    await terminal.press('Tab');
    await terminal.shows(/\$ tako deploy$/m);
    await terminal.type('--wait');
    await terminal.press('Tab');
    await terminal.shows(/\$ tako deploy --wait-lock/);
    await terminal.type('1 --server w');
    await terminal.press('Tab');
    await terminal.shows(/--server web1/);
  });
});
