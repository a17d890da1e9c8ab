import * as Args from '@oclif/core/args';
import { inventoryFile } from '../../app/local-files.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { removeFromInventory } from '../../servers/inventory.ts';

export default class ServersRm extends TakoCommand {
  static override description =
    'Remove a server from the inventory of this machine. What runs on it goes on running.';
  static override examples = ['<%= config.bin %> servers rm web1'];
  static override args = { name: Args.string({ required: true, description: 'Its name.' }) };

  override async run(): Promise<void> {
    const { args } = await this.parse(ServersRm);
    await removeFromInventory(inventoryFile(this.cli.environment.takoHome), args.name);
    this.cli.output.result(`removed ${args.name}; what runs on it goes on`, {
      schema: 'tako.servers-rm/1',
      ok: true,
      name: args.name,
    });
  }
}
