import { TakoCommand } from '../cli/tako-command.ts';

export default class Version extends TakoCommand {
  static override description =
    'Print the version of this command. "tako servers status" shows those of the servers.';
  static override examples = ['<%= config.bin %> version', '<%= config.bin %> version --json'];

  override async run(): Promise<void> {
    await this.parse(Version);
    const { version, output } = this.cli;
    output.result(`tako ${version}`, { schema: 'tako.version/1', version, node: process.versions.node });
  }
}
