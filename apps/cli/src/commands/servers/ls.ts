import { inventoryFile } from '../../app/local-files.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { formatTable } from '../../output/table.ts';
import { readInventory } from '../../servers/inventory.ts';
import { addressOf, describeAddress } from '../../ssh/server-address.ts';

export default class ServersLs extends TakoCommand {
  static override description = 'List the servers of the inventory of this machine.';
  static override examples = ['<%= config.bin %> servers ls', '<%= config.bin %> servers ls --json'];

  override async run(): Promise<void> {
    await this.parse(ServersLs);
    const { environment, output } = this.cli;
    const { servers } = await readInventory(inventoryFile(environment.takoHome));
    const rows = servers.map((server) => [
      server.name,
      describeAddress(addressOf(server, environment.home)),
      [server.arch, server.libc].filter((part) => part !== null).join(' '),
      server.description ?? '',
    ]);
    const text =
      rows.length === 0
        ? 'no servers yet; add one: tako servers add user@host'
        : formatTable({ head: ['NAME', 'ADDRESS', 'MACHINE', 'DESCRIPTION'], rows }, output.columns());
    output.result(text, { schema: 'tako.servers/1', ok: true, servers });
  }
}
