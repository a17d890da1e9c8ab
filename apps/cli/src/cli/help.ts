// Help texts in oclif's layout: of one command with its flags and examples, of a topic, of everything.
import { Config } from '@oclif/core/config';
import { Help } from '@oclif/core/help';
import type { Plugin } from '@oclif/core/interfaces';
import { commandTable, topicTable, type CommandEntry } from './command-table.ts';

const packageName = '@tako/cli';

/** A config without plugins on disk: the table is the plugin. */
export async function loadOclifConfig(root: string, version: string): Promise<Config> {
  const pjson = {
    name: packageName,
    version,
    oclif: { bin: 'tako', dirname: 'tako', topicSeparator: ' ' as const },
  };
  const plugin = {
    _base: '',
    alias: packageName,
    commandIDs: commandTable.map(({ id }) => toOclifId(id)),
    commands: commandTable.map((entry) => ({
      id: toOclifId(entry.id),
      summary: entry.summary,
      aliases: [],
      args: {},
      flags: {},
      hidden: false,
      hiddenAliases: [],
      load: () => entry.load(),
    })),
    commandsDir: undefined,
    hasManifest: false,
    hooks: {},
    isRoot: true,
    moduleType: 'module',
    name: packageName,
    options: { root },
    pjson,
    root,
    topics: Object.entries(topicTable).map(([name, description]) => ({ name: toOclifId(name), description })),
    type: 'core',
    valid: true,
    version,
    findCommand: () => undefined,
    load: () => Promise.resolve(),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- oclif's overloads of findCommand cannot be written as a literal
  const plugins = new Map([[packageName, plugin as unknown as Plugin]]);
  return Config.load({ root, pjson, plugins });
}

const toOclifId = (id: string): string => id.replaceAll(' ', ':');

/** What oclif's Help needs of the one class, copied: it rewrites the ids of what it is given. */
export async function commandHelp(config: Config, entry: CommandEntry): Promise<string> {
  const Class = await entry.load();
  return collect(config, (help) =>
    help.showCommandHelp({
      id: toOclifId(entry.id),
      summary: entry.summary,
      description: Class.description,
      examples: Class.examples,
      args: named(Class.args),
      flags: { ...Class.baseFlags, ...Class.flags },
      aliases: [],
      hidden: false,
      hiddenAliases: [],
      strict: Class.strict,
      usage: Class.usage,
      load: () => Promise.reject(new Error('help loads no command')),
    }),
  );
}

/** oclif puts the names in when it caches a command; a class of it has them as keys only. */
function named<T extends object>(args: Readonly<Record<string, T>>): Record<string, T & { name: string }> {
  return Object.fromEntries(Object.entries(args).map(([name, arg]) => [name, { ...arg, name }]));
}

export async function topicHelp(config: Config, topic: string | null): Promise<string> {
  return collect(config, (help) => help.showHelp(topic === null ? [] : topic.split(' ')));
}

class CollectingHelp extends Help {
  readonly lines: string[] = [];
  override log(...args: string[]): void {
    this.lines.push(args.join(' '));
  }
  override async showCommandHelp(command: Parameters<Help['showCommandHelp']>[0]): Promise<void> {
    await super.showCommandHelp(command);
  }
}

async function collect(config: Config, show: (help: CollectingHelp) => Promise<void>): Promise<string> {
  const help = new CollectingHelp(config, { stripAnsi: true, flagSortOrder: 'none' });
  await show(help);
  return help.lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd();
}
