// One run of the command line: finds the command, runs it, reports what went wrong, and says the exit code. Exits
// nothing itself.
import { TakoError } from '@tako/config/tako-error';
import { exitCodeOf } from '@tako/protocol/errors';
import { createOutput, type OutputStreams } from '../output/output.ts';
import { createTaskTree, isAbort } from '../output/task.ts';
import type { ProcessEnvironment } from '../process-environment.ts';
import type { CliContext } from './cli-context.ts';
import { findCommand } from './find-command.ts';
import { readOutputFlags } from './global-flags.ts';
import { commandHelp, loadOclifConfig, topicHelp } from './help.ts';
import type { Interruption } from './interruption.ts';

export interface CliRun {
  readonly argv: readonly string[];
  readonly environment: ProcessEnvironment;
  readonly streams: OutputStreams;
  readonly interruption: Interruption;
  readonly packageRoot: string;
  readonly version: string;
  readonly onLeave: CliContext['onLeave'];
  readonly readStdin: CliContext['readStdin'];
}

export async function runCli(run: CliRun): Promise<number> {
  const argv = run.argv[0] === 'help' ? [...run.argv.slice(1), '--help'] : run.argv;
  const output = createOutput(readOutputFlags(argv), run.environment, run.streams);
  let exitCode = 0;
  const context: CliContext = {
    environment: run.environment,
    output,
    task: createTaskTree(output.emit),
    interruption: run.interruption,
    version: run.version,
    onLeave: run.onLeave,
    readStdin: run.readStdin,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  try {
    await dispatch(argv, run, context);
    return exitCode;
  } catch (thrown) {
    const error = run.interruption.first.aborted && isAbort(thrown) ? run.interruption.first.reason : thrown;
    output.error(error);
    return exitCodeOf(error);
  } finally {
    output.close();
  }
}

async function dispatch(argv: readonly string[], run: CliRun, context: CliContext): Promise<void> {
  const config = await loadOclifConfig(run.packageRoot, run.version);
  const found = findCommand(argv);
  const { output } = context;
  if (found.kind === 'unknown') throw unknownCommand(found.words, found.nearest);
  if (found.kind === 'command' && !asksForHelp(found.rest)) {
    const Class = await found.entry.load();
    Class.id = found.entry.id.replaceAll(' ', ':');
    await new Class([...found.rest], config, context).start();
    return;
  }
  if (found.kind === 'root' && argv.length > 0 && !asksForHelp(argv)) {
    throw new TakoError('USAGE_INVALID', `"${argv.join(' ')}" names no command`, {
      hint: 'See: tako --help',
    });
  }
  const text =
    found.kind === 'command'
      ? await commandHelp(config, found.entry)
      : await topicHelp(config, found.kind === 'topic' ? found.topic : null);
  output.result(text, { help: text });
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return own.includes('--help') || own.includes('-h');
}

function unknownCommand(words: string, nearest: string | null): TakoError {
  return new TakoError('USAGE_INVALID', `there is no command "${words}"`, {
    hint: nearest === null ? 'See all commands: tako --help' : `Did you mean: tako ${nearest}`,
  });
}
