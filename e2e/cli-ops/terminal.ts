// The commands of operators as a person at a terminal has them.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { say, type TwoServers } from './two-servers.ts';

const run = promisify(execFile);
const takoPath = path.resolve(import.meta.dirname, '../../bin/tako');
const both = ['--app', 'web', '--server', 'far', '--server', 'near'];

function openTako(
  place: TwoServers,
  words: readonly string[],
  more: { columns?: number; env?: Record<string, string>; cwd?: string } = {},
): Promise<Terminal> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: place.home,
    TAKO_HOME: place.home,
    TAKO_SSH_CONFIG: place.sshd.configFile,
    ...more.env,
  };
  const { columns = 100, cwd = place.home } = more;
  return openTerminal([takoPath, ...words], { columns, rows: 24, cwd, env });
}

export function testTerminal(place: () => TwoServers): void {
  it('draws the status in place, follows the width of the terminal, and gives it back', async () => {
    await using terminal = await openTako(place(), ['status', '--watch', '--interval', '200ms', ...both]);
    const wide = await terminal.shows(/LAST PROBE\n.*far .*\n.*near /);
    expect(wide.match(/^web {2}web/gm)).toHaveLength(1);
    expect(await terminal.cursorIsShown()).toBe(false);
    await terminal.resize(50, 24);
    const narrow = await terminal.shows(/STATE {4}MEMORY$/m);
    expect(narrow).not.toContain('LAST PROBE');
    expect(narrow.match(/SERVER/g)).toHaveLength(1);
    await terminal.press('C-c');
    expect(await terminal.exited()).toBe(130);
    expect(await terminal.cursorIsShown()).toBe(true);
    expect((await terminal.history()).match(/^web {2}web/gm)).toHaveLength(1);
  }, 60_000);

  it('lets ssh ask for the passphrase of a key, and shows it nowhere', async () => {
    const { sshd } = place();
    const keyFile = path.join(place().home, 'locked_key');
    await fs.copyFile(sshd.keyFile, keyFile);
    await fs.chmod(keyFile, 0o600);
    await run('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', keyFile]);
    const config = path.join(place().home, 'locked_config');
    await fs.writeFile(
      config,
      `Host *\n  IdentityFile ${keyFile}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile ${sshd.knownHostsFile}\n`,
    );
    const env = { TAKO_SSH_CONFIG: config };
    await using terminal = await openTako(place(), ['status', '--app', 'web', '--server', 'far'], { env });
    await terminal.shows(/Enter passphrase for key/);
    await terminal.type('open sesame');
    await terminal.press('Enter');
    await terminal.shows(/far: running/);
    expect(await terminal.exited()).toBe(0);
    expect(await terminal.history()).not.toContain('sesame');
    // Without a terminal nobody can be asked.
    expect(await place().tako(['status', '--app', 'web', '--server', 'far'], { env })).toMatchObject({
      exitCode: 4,
      stdout: expect.stringContaining('SSH_AUTH_FAILED'),
    });
  }, 60_000);

  it('lists what a deletion takes, and deletes nothing for another name', async () => {
    await using terminal = await openTako(place(), ['delete', ...both]);
    const asked = await terminal.shows(/Type the app's name/);
    expect(asked).toMatch(
      /far: 1 instance; the routes web\.example\.com; \d releases?; no secrets; its logs/,
    );
    await terminal.type('wep');
    await terminal.press('Enter');
    await terminal.shows(/"wep" is not "web"; nothing was changed/);
    expect(await terminal.exited()).toBe(130);
    expect((await place().tako(['status', ...both])).stdout).toContain('near: running, 1/1 healthy');
  }, 60_000);

  it('shows history in the pager, which Ctrl-C does not break', async () => {
    for (let count = 0; count < 30; count += 1) await say(place().near, `paged-${count}`);
    const words = ['logs', '--app', 'web', '--server', 'near', '--no-follow', '--lines', '30'];
    await using terminal = await openTako(place(), words);
    await terminal.shows(/paged-0[^]*\n:$/);
    await terminal.press('C-c');
    await terminal.press('G');
    await terminal.shows(/paged-29\n\(END\)$/);
    await terminal.press('q');
    expect(await terminal.exited()).toBe(0);
  }, 60_000);
}
