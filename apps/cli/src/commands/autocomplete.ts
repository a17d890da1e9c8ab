import path from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { inventoryFile } from '../app/local-files.ts';
import { findProject } from '../app/project.ts';
import { TakoCommand } from '../cli/tako-command.ts';
import { completeWords, type CompletionSources } from '../completion/complete.ts';
import { shellScript, shells, shellSetup } from '../completion/shell-scripts.ts';
import { readInventory } from '../servers/inventory.ts';

export default class Autocomplete extends TakoCommand {
  static override description =
    'Print the script that completes tako in a shell: commands, flags, environments, servers. Without a shell it is the one of $SHELL, and how to set it up is said.';
  static override examples = [
    'source <(<%= config.bin %> autocomplete bash)',
    'source <(<%= config.bin %> autocomplete zsh)',
    '<%= config.bin %> autocomplete fish > ~/.config/fish/completions/tako.fish',
  ];
  static override args = {
    shell: Args.string({ description: 'bash, fish or zsh.', options: [...shells] }),
  };
  static override flags = {
    words: Flags.boolean({
      description: 'What may stand next after the words behind --; for the scripts.',
      hidden: true,
    }),
  };

  override async run(): Promise<void> {
    const { output } = this.cli;
    // As the shell has them: empty words and all.
    if (this.argv[0] === '--words') return this.complete(this.argv.slice(2));
    const { args } = await this.parse(Autocomplete);
    const own = path.basename(this.cli.environment.variables['SHELL'] ?? '');
    const shell = shells.find((known) => known === (args.shell ?? own)) ?? 'bash';
    if (args.shell === undefined) output.say(`For ${shell}, once: ${shellSetup[shell]}`);
    const script = shellScript(shell);
    output.result(script.trimEnd(), { schema: 'tako.autocomplete/1', ok: true, shell, script });
  }

  private async complete(words: readonly string[]): Promise<void> {
    const candidates = await completeWords(words, this.sources());
    for (const { word, description } of candidates)
      this.cli.output.line(`${word}\t${description}`, { word, description });
  }

  /** What cannot be read completes to nothing: a shell is no place for errors. */
  private sources(): CompletionSources {
    const { environment } = this.cli;
    return {
      serverNames: async () => {
        const inventory = await readInventory(inventoryFile(environment.takoHome)).catch(() => null);
        return inventory?.servers.map(({ name }) => name) ?? [];
      },
      environmentNames: async () => {
        const found = await findProject(environment.cwd, null).catch(() => null);
        return found?.project.environments ?? ['production'];
      },
      errorCodes: async () => Object.keys((await import('@tako/protocol/errors')).errorRegistry).toSorted(),
    };
  }
}
