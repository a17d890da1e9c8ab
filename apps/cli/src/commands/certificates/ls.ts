import {
  certificatesJson,
  certificatesText,
  listCertificates,
} from '../../certificates/list-certificates.ts';
import { AppCommand } from '../../cli/app-command.ts';
import { sessionOpener } from '../../cli/app-services.ts';
import { certificateServers } from '../../cli/certificate-servers.ts';
import { outcomesExitCode } from '../../servers/outcomes.ts';

export default class CertificatesLs extends AppCommand {
  static override description =
    'List the certificates of the servers: issued, given and self-signed ones, when they end, the last error and the next try; and names that wait for one.';
  static override examples = [
    '<%= config.bin %> certificates ls',
    '<%= config.bin %> certificates ls --server web1 --json',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(CertificatesLs);
    const { cli } = this;
    const { servers } = await certificateServers(cli, flags, 'all');
    const outcomes = await listCertificates(servers, sessionOpener(cli, servers), cli.interruption.first);
    cli.output.result(
      certificatesText(outcomes, {
        style: cli.output.stdoutStyle,
        columns: cli.output.columns(),
        nowMs: Date.now(),
      }),
      certificatesJson(outcomes),
    );
    cli.setExitCode(outcomesExitCode(outcomes));
  }
}
