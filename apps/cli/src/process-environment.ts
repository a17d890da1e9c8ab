// The one place of the CLI that reads the process: its variables, streams and ids, as one frozen value.
// Knows nothing of commands.
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import tty from 'node:tty';

export interface ProcessEnvironment {
  readonly cwd: string;
  readonly home: string;
  /** All of the user's Tako files: inventory, keys (`TAKO_HOME`, else `~/.tako`). */
  readonly takoHome: string;
  /** A file given to ssh as `-F` (`TAKO_SSH_CONFIG`), for machines whose ~/.ssh must stay as it is. */
  readonly sshConfigFile: string | null;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly ci: boolean;
  readonly noColor: boolean;
  readonly forceColor: boolean;
  readonly stdinIsTty: boolean;
  readonly stdoutIsTty: boolean;
  readonly stderrIsTty: boolean;
  /** What children inherit. */
  readonly variables: Readonly<Record<string, string>>;
}

export function readProcessEnvironment(): ProcessEnvironment {
  const env = process.env;
  const home = env['HOME'] || os.homedir();
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  return Object.freeze({
    cwd: process.cwd(),
    home,
    takoHome: path.resolve(env['TAKO_HOME'] || path.join(home, '.tako')),
    sshConfigFile: env['TAKO_SSH_CONFIG'] || null,
    user: userName(),
    host: os.hostname(),
    pid: process.pid,
    ci: isSet('CI') && env['CI'] !== 'false' && env['CI'] !== '0',
    // https://no-color.org: present and not empty, whatever its value.
    noColor: isSet('NO_COLOR'),
    forceColor: isSet('FORCE_COLOR') && env['FORCE_COLOR'] !== '0',
    stdinIsTty: tty.isatty(0),
    stdoutIsTty: tty.isatty(1),
    stderrIsTty: tty.isatty(2) && env['TERM'] !== 'dumb',
    variables: Object.freeze(definedVariables(env)),
  });
}

function definedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) variables[name] = value;
  return variables;
}

/** The login name; a uid without one (a bare container) is shown as its number. */
function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // os.userInfo throws where the uid has no passwd entry; the number is still a name for a lock's holder.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
