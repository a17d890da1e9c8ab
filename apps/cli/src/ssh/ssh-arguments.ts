// The argument vectors for the system's ssh(1). Pure: no process, no file; nothing here ever passes a shell.
import { limits } from '../limits.ts';
import type { ServerAddress } from './server-address.ts';

type SshAddress = Extract<ServerAddress, { kind: 'ssh' }>;

const defaultSshPort = 22;

export interface SshOptions {
  readonly controlPath: string;
  /** False lets ssh ask on the terminal: passphrase, PIN, password. */
  readonly batchMode: boolean;
  /** Instead of ~/.ssh/config. */
  readonly configFile: string | null;
}

/** The one connection per server: a master without a command, with the management socket forwarded. */
export function masterArguments(address: SshAddress, options: SshOptions, localSocket: string): string[] {
  return [
    '-M',
    '-N',
    '-T',
    ...commonArguments(address, options),
    ...option('ExitOnForwardFailure', 'yes'),
    // The forward is not for others of this machine (ssh_config(5): an octal umask).
    ...option('StreamLocalBindMask', '0177'),
    ...option('StreamLocalBindUnlink', 'yes'),
    '-L',
    `${localSocket}:${address.socketPath}`,
    '--',
    address.host,
  ];
}

/** A command over the master that is already there; `words` are quoted for the remote shell. */
export function execArguments(address: SshAddress, options: SshOptions, words: readonly string[]): string[] {
  return ['-T', ...commonArguments(address, options), '--', address.host, words.map(quoteForShell).join(' ')];
}

function commonArguments(address: SshAddress, options: SshOptions): string[] {
  return [
    ...(options.configFile === null ? [] : ['-F', options.configFile]),
    '-S',
    options.controlPath,
    ...option('ControlPersist', 'no'),
    ...option('BatchMode', options.batchMode ? 'yes' : 'no'),
    ...option('ConnectTimeout', String(limits.sshConnectTimeoutS)),
    ...option('ServerAliveInterval', String(limits.sshAliveIntervalS)),
    ...option('ServerAliveCountMax', String(limits.sshAliveCountMax)),
    ...option('StrictHostKeyChecking', 'yes'),
    // The default leaves it to ssh_config: `Port` of an alias would be overridden.
    ...(address.port === defaultSshPort ? [] : ['-p', String(address.port)]),
    '-l',
    address.user,
    ...(address.keyFile === null ? [] : ['-i', address.keyFile, ...option('IdentitiesOnly', 'yes')]),
  ];
}

const option = (name: string, value: string): string[] => ['-o', `${name}=${value}`];

/** POSIX sh: everything inside single quotes is literal, a single quote is closed, escaped, opened again. */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
