// Questions to a person, on stderr, gone with Ctrl-C (spec 20). A question that nobody is there to answer is an error that
// names the flag. The library is loaded when something is asked.
import { TakoError } from '@tako/config';
import type { CliContext } from '../cli/cli-context.ts';

/** Errors: CONFIRMATION_REQUIRED without a person, DECLINED for no. */
export async function confirm(
  cli: CliContext,
  question: { message: string; flag: string; byDefault: boolean },
): Promise<void> {
  if (!cli.output.interactive) {
    if (question.byDefault) return;
    throw nobodyThere(question.message, question.flag);
  }
  const { confirm: ask } = await import('@inquirer/prompts');
  const yes = await asking(cli, (context) =>
    ask({ message: question.message, default: question.byDefault }, context),
  );
  if (!yes) throw new TakoError('DECLINED', 'declined; nothing was changed');
}

/** Either answer is fine; without a person it is the usual one. */
export async function askYesNo(
  cli: CliContext,
  question: { message: string; byDefault: boolean },
): Promise<boolean> {
  if (!cli.output.interactive) return question.byDefault;
  const { confirm: ask } = await import('@inquirer/prompts');
  return asking(cli, (context) => ask({ message: question.message, default: question.byDefault }, context));
}

/** Errors: CONFIRMATION_REQUIRED, DECLINED when another text was typed. */
export async function confirmByName(
  cli: CliContext,
  question: { message: string; name: string; flag: string },
): Promise<void> {
  if (!cli.output.interactive) throw nobodyThere(question.message, question.flag);
  const { input } = await import('@inquirer/prompts');
  const typed = await asking(cli, (context) => input({ message: question.message }, context));
  if (typed.trim() !== question.name)
    throw new TakoError('DECLINED', `"${typed.trim()}" is not "${question.name}"; nothing was changed`);
}

export async function askText(
  cli: CliContext,
  question: { message: string; byDefault: string; flag: string; check?: (text: string) => true | string },
): Promise<string> {
  if (!cli.output.interactive) throw nobodyThere(question.message, question.flag);
  const { input } = await import('@inquirer/prompts');
  return asking(cli, (context) =>
    input(
      {
        message: question.message,
        default: question.byDefault,
        ...(question.check === undefined ? {} : { validate: question.check }),
      },
      context,
    ),
  );
}

export async function choose<T>(
  cli: CliContext,
  question: { message: string; choices: readonly { name: string; value: T }[]; flag: string },
): Promise<T[]> {
  if (!cli.output.interactive) throw nobodyThere(question.message, question.flag);
  const { checkbox } = await import('@inquirer/prompts');
  return asking(cli, (context) =>
    checkbox({ message: question.message, choices: [...question.choices], required: true }, context),
  );
}

/**
 * Masked: the value never shows. Errors: INVALID_INPUT when several lines are pasted, of which the prompt would take the
 * first one only.
 */
export async function askSecret(cli: CliContext, message: string): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  let isSeveral = false;
  const look = (typed: Buffer | string): void => {
    // A person's Enter ends what was read; what goes on behind it was pasted.
    isSeveral ||= /[\r\n][^\r\n]/.test(String(typed));
  };
  try {
    const value = await asking(cli, (context) => {
      const answer = password({ message, mask: '*' }, context);
      process.stdin.on('data', look);
      return answer;
    });
    if (!isSeveral) return value;
  } finally {
    process.stdin.off('data', look);
  }
  throw new TakoError('INVALID_INPUT', 'several lines were pasted; nothing was changed', {
    hint: 'Pipe a value of several lines in: tako secrets set NAME < FILE',
  });
}

interface PromptContext {
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

async function asking<T>(cli: CliContext, ask: (context: PromptContext) => Promise<T>): Promise<T> {
  const { output, interruption } = cli;
  output.emit({ type: 'terminal.lent' });
  try {
    return await ask({ output: process.stderr, signal: interruption.first });
  } catch (error) {
    // The library's own word for Ctrl-C, which raw mode delivers as a key and not as a signal.
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      throw new TakoError('INTERRUPTED', 'interrupted; nothing was changed', { cause: error });
    }
    throw error;
  } finally {
    output.emit({ type: 'terminal.returned' });
  }
}

function nobodyThere(message: string, flag: string): TakoError {
  return new TakoError('CONFIRMATION_REQUIRED', `"${message}" must be answered, and nobody is there to ask`, {
    hint: `Answer it on the command line: ${flag}`,
  });
}
