// What the person's ssh_config says of a host before anybody connects: `ssh -G`. Knows no server.
import { limits } from '../limits.ts';
import { runProgram } from '../process/run-program.ts';

export interface SshSettings {
  readonly user: string;
  readonly port: number;
  readonly hostName: string;
}

export interface SshSettingsContext {
  readonly env: Readonly<Record<string, string>>;
  /** Instead of ~/.ssh/config. */
  readonly configFile: string | null;
  readonly signal: AbortSignal;
}

/** null when ssh cannot say: a broken configuration is told by the connection itself. Errors: PROGRAM_NOT_FOUND. */
export async function readSshSettings(
  host: string,
  context: SshSettingsContext,
): Promise<SshSettings | null> {
  const { exitCode, stdout } = await runProgram({
    argv: ['ssh', ...(context.configFile === null ? [] : ['-F', context.configFile]), '-G', '--', host],
    env: context.env,
    timeoutMs: limits.sshExecTimeoutMs,
    outputBytesMax: limits.sshExecOutputBytesMax,
    signal: context.signal,
  });
  if (exitCode !== 0) return null;
  const value = (key: string): string | undefined =>
    stdout
      .split('\n')
      .find((line) => line.startsWith(`${key} `))
      ?.slice(key.length + 1)
      .trim();
  const [user, port, hostName] = [value('user'), value('port'), value('hostname')];
  if (user === undefined || port === undefined || hostName === undefined) return null;
  return { user, port: Number(port), hostName };
}
