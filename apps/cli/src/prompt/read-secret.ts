// A secret value from a masked prompt, or from stdin when it is piped in; never from an argument (spec 20).
import { TakoError } from '@tako/config';
import type { CliContext } from '../cli/cli-context.ts';
import { limits } from '../limits.ts';
import { askSecret } from './prompt.ts';

/** One trailing newline of a piped value is not part of it. Errors: CONFIRMATION_REQUIRED, INVALID_INPUT. */
export async function readSecretValue(cli: CliContext, message: string): Promise<string> {
  if (cli.environment.stdinIsTty) {
    if (cli.output.interactive) return check(await askSecret(cli, message));
    throw new TakoError(
      'CONFIRMATION_REQUIRED',
      `"${message}" must be answered, and nobody is there to ask`,
      {
        hint: 'Pipe the value in: printf %s "$VALUE" | tako secrets set NAME',
      },
    );
  }
  const bytes = await readPiped(cli);
  const text = new TextDecoder('utf-8', { fatal: true });
  try {
    return check(text.decode(bytes).replace(/\r?\n$/, ''));
  } catch (cause) {
    if (cause instanceof TakoError) throw cause;
    throw new TakoError('INVALID_INPUT', 'the value is not valid UTF-8', { cause });
  }
}

/** Asked twice, since nobody could open what a slip of the finger sealed. Errors: CONFIRMATION_REQUIRED, INVALID_INPUT. */
export async function askNewPassphrase(cli: CliContext, env: string): Promise<string> {
  const message = `Passphrase for the secrets of ${env}:`;
  if (!cli.output.interactive) {
    throw new TakoError(
      'CONFIRMATION_REQUIRED',
      `"${message}" must be answered, and nobody is there to ask`,
      { hint: 'Leave --passphrase away: the key is then made at random.' },
    );
  }
  const passphrase = check(await askSecret(cli, message));
  if ((await askSecret(cli, 'The same again:')) === passphrase) return passphrase;
  throw new TakoError('INVALID_INPUT', 'the two passphrases differ; nothing was changed');
}

/** Errors: TIMED_OUT when whatever should write the value never ends. */
async function readPiped(cli: CliContext): Promise<Buffer> {
  const deadline = AbortSignal.timeout(limits.stdinTimeoutMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of cli.readStdin(AbortSignal.any([deadline, cli.interruption.first]))) {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > limits.secretBytesMax + 2) break;
    }
  } catch (cause) {
    if (!deadline.aborted) throw cause;
    throw new TakoError('TIMED_OUT', `no value came on stdin within ${limits.stdinTimeoutMs / 1000} s`, {
      hint: 'Pipe the value in: printf %s "$VALUE" | tako secrets set NAME',
      cause,
    });
  }
  return Buffer.concat(chunks);
}

function check(value: string): string {
  if (value === '') {
    throw new TakoError('INVALID_INPUT', 'the value is empty', {
      hint: 'To remove a secret: tako secrets rm NAME',
    });
  }
  if (Buffer.byteLength(value) > limits.secretBytesMax) {
    throw new TakoError('INVALID_INPUT', `the value has more than ${limits.secretBytesMax} bytes`);
  }
  return value;
}
