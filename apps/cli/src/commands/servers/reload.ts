import * as Args from '@oclif/core/args';
import { TakoCommand } from '../../cli/tako-command.ts';
import { controlServers, namedServers } from '../../servers/control-command.ts';
import { reloadServer } from '../../servers/control-server.ts';

export default class ServersReload extends TakoCommand {
  static override description =
    'Hand servers over to a successor that reads its configuration again: no request is lost and no app restarts. One after the other; each is proven by another process that answers.';
  static override examples = [
    '<%= config.bin %> servers reload web1',
    '<%= config.bin %> servers reload web1 web2',
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ required: true, description: 'Its name; several are taken.' }),
  };

  override async run(): Promise<void> {
    const { argv } = await this.parse(ServersReload);
    const servers = await namedServers(this.cli, argv.map(String));
    const done = await controlServers(this.cli, servers, { title: 'Reload', run: reloadServer });
    this.cli.output.result(done.map(({ server, pid }) => `reloaded ${server} (pid ${pid})`).join('\n'), {
      schema: 'tako.servers-reload/1',
      ok: true,
      servers: done,
    });
  }
}
