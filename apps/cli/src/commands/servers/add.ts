import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { TakoCommand } from '../../cli/tako-command.ts';
import { askText } from '../../prompt/prompt.ts';
import { addServer } from '../../servers/add-server.ts';

export default class ServersAdd extends TakoCommand {
  static override description =
    'Add a server to the inventory of this machine, after checking that ssh gets there and that tako-server answers. A server on this machine is unix:/path/to/tako.sock.';
  static override examples = [
    '<%= config.bin %> servers add tako@203.0.113.7 --name web1',
    '<%= config.bin %> servers add deploy@example.com:2222 --key ~/.ssh/deploy',
    '<%= config.bin %> servers add unix:/var/run/tako/tako.sock --name here',
  ];
  static override args = {
    target: Args.string({
      description: 'user@host, user@host:port, an alias of ~/.ssh/config, or unix:/path.',
    }),
  };
  static override flags = {
    name: Flags.string({ description: 'Its name; from the host when left away.', helpValue: 'NAME' }),
    port: Flags.integer({ min: 1, max: 65535, description: 'The port of sshd, 22 by default.' }),
    key: Flags.string({ description: 'A private key, instead of what ssh chooses.', helpValue: 'FILE' }),
    socket: Flags.string({
      description: 'Where the management socket is on the server.',
      helpValue: '/PATH',
    }),
    description: Flags.string({ description: 'A note for people.', helpValue: 'TEXT' }),
    check: Flags.boolean({
      allowNo: true,
      default: true,
      description: 'Connect before adding; --no-check adds it unseen.',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ServersAdd);
    const { cli } = this;
    const typed =
      args.target ??
      (await askText(cli, {
        message: 'Where is it? (user@host)',
        byDefault: '',
        flag: 'tako servers add user@host',
      }));
    const server = await addServer(cli, typed, flags);
    cli.output.result(`added ${server.name}`, {
      schema: 'tako.servers-add/1',
      ok: true,
      server,
    });
  }
}
