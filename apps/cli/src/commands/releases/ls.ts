import { AppCommand } from '../../cli/app-command.ts';
import { appTarget, sessionOpener } from '../../cli/app-services.ts';
import { listReleases, releasesText } from '../../status/list-releases.ts';

export default class ReleasesLs extends AppCommand {
  static override description =
    'List the releases that the servers keep, newest first, with the one that serves marked.';
  static override examples = [
    '<%= config.bin %> releases ls',
    '<%= config.bin %> releases ls --env staging --json',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(ReleasesLs);
    const target = await appTarget(this.cli, flags);
    const servers = await listReleases(
      target,
      sessionOpener(this.cli, target.servers),
      this.cli.interruption.first,
    );
    this.cli.output.result(releasesText(servers, this.cli.output.columns()), {
      schema: 'tako.releases/1',
      ok: true,
      deploymentId: target.deploymentId,
      servers,
    });
  }
}
