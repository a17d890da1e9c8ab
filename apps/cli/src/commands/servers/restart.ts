import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { TakoCommand } from '../../cli/tako-command.ts';
import { confirm } from '../../prompt/prompt.ts';
import { controlServers, namedServers } from '../../servers/control-command.ts';
import { restartServer } from '../../servers/control-server.ts';

export default class ServersRestart extends TakoCommand {
  static override description =
    'Stop and start servers with all of their apps, through systemd. Nothing is served in between; to read the configuration again, "tako servers reload" loses nothing.';
  static override examples = [
    '<%= config.bin %> servers restart web1',
    '<%= config.bin %> servers restart web1 web2 --yes',
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ required: true, description: 'Its name; several are taken.' }),
  };
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Answer every question with yes.' }),
  };

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ServersRestart);
    const servers = await namedServers(this.cli, argv.map(String));
    if (!flags.yes) {
      await confirm(this.cli, {
        message: `Restart ${servers.map(({ name }) => name).join(', ')}? Its apps serve nothing until they are up again.`,
        flag: '--yes',
        byDefault: false,
      });
    }
    const done = await controlServers(this.cli, servers, { title: 'Restart', run: restartServer });
    this.cli.output.result(done.map(({ server, pid }) => `restarted ${server} (pid ${pid})`).join('\n'), {
      schema: 'tako.servers-restart/1',
      ok: true,
      servers: done,
    });
  }
}
