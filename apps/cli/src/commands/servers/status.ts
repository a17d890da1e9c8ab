import * as Args from '@oclif/core/args';
import { findServer } from '@tako/config';
import { inventoryFile } from '../../app/local-files.ts';
import { sessionOpener } from '../../cli/app-services.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { readInventory } from '../../servers/inventory.ts';
import { outcomesExitCode } from '../../servers/outcomes.ts';
import { readServers, serversJson, serversText } from '../../servers/read-servers.ts';

export default class ServersStatus extends TakoCommand {
  static override description =
    'Show version, mode, machine and apps of each server, and why one cannot be reached.';
  static override examples = [
    '<%= config.bin %> servers status',
    '<%= config.bin %> servers status web1 --json',
  ];
  static override args = { name: Args.string({ description: 'Only this one.' }) };

  override async run(): Promise<void> {
    const { args } = await this.parse(ServersStatus);
    const { cli } = this;
    const inventory = await readInventory(inventoryFile(cli.environment.takoHome));
    const servers = args.name === undefined ? inventory.servers : [findServer(inventory, args.name)];
    const outcomes = await readServers(servers, sessionOpener(cli, servers), cli.interruption.first);
    cli.output.result(serversText(outcomes, cli.output.stdoutStyle), serversJson(outcomes));
    cli.setExitCode(outcomesExitCode(outcomes));
  }
}
