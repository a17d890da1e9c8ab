// What all commands share: global flags and the context. A command parses, calls one service, prints (spec 20).
import { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import type { Input, ParserOutput } from '@oclif/core/interfaces';
import { TakoError } from '@tako/config/tako-error';
import type { CliContext } from './cli-context.ts';
import { editDistance } from './edit-distance.ts';
import { globalFlags } from './global-flags.ts';

type Values = Record<string, unknown>;

export abstract class TakoCommand extends Command {
  static override baseFlags = globalFlags;
  readonly #cli: CliContext;

  constructor(argv: string[], config: Config, cli: CliContext) {
    super(argv, config);
    this.#cli = cli;
  }

  protected get cli(): CliContext {
    return this.#cli;
  }

  /** Errors come out as they are: one place reports them. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  /** What oclif's parser says, in its own words without its advertising. Errors: USAGE_INVALID. */
  protected override async parse<F extends Values, B extends Values, A extends Values>(
    options?: Input<F, B, A>,
    argv?: string[],
  ): Promise<ParserOutput<F, B, A>> {
    try {
      return await super.parse(options, argv);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new TakoError('USAGE_INVALID', message.replace(/\n?See more help with --help$/, '').trim(), {
        hint:
          flagHint(message, { ...options?.baseFlags, ...options?.flags }) ??
          `See: tako ${this.id?.replaceAll(':', ' ') ?? ''} --help`,
        cause,
      });
    }
  }

  async start(): Promise<void> {
    await this._run();
  }

  abstract override run(): Promise<void>;
}

/** The nearest flag to one that there is not. */
function flagHint(message: string, flags: object): string | null {
  const typed = /^Nonexistent flags?: --([\w-]+)/.exec(message)?.[1];
  if (typed === undefined) return null;
  const nearest = Object.keys(flags)
    .map((name) => ({ name, distance: editDistance(typed, name) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const isClose =
    nearest !== undefined && nearest.distance <= Math.max(1, Math.floor(nearest.name.length / 3));
  return isClose ? `Did you mean: --${nearest.name}` : null;
}

/** A command's class: what help reads of it, and how to make one. */
export type CommandClass = Pick<
  typeof Command,
  'id' | 'description' | 'examples' | 'args' | 'flags' | 'baseFlags' | 'strict' | 'usage'
> &
  (new (argv: string[], config: Config, cli: CliContext) => TakoCommand);
