import * as Args from '@oclif/core/args';
import { findCustom, removeCertificates } from '../../certificates/change-certificates.ts';
import { shownNames } from '../../certificates/list-certificates.ts';
import { AppCommand } from '../../cli/app-command.ts';
import { sessionOpener } from '../../cli/app-services.ts';
import { certificateServers } from '../../cli/certificate-servers.ts';
import { confirm } from '../../prompt/prompt.ts';

export default class CertificatesRm extends AppCommand {
  static override description =
    'Remove a certificate of your own, with its key, from the servers. Its names are then asked of the CA; until that has answered, and where it cannot, visitors get the self-signed one.';
  static override examples = [
    '<%= config.bin %> certificates rm example.com',
    "<%= config.bin %> certificates rm '*.example.com' --server web1 --yes",
  ];
  static override args = {
    name: Args.string({ required: true, description: 'One of the names it is for.' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CertificatesRm);
    const { cli } = this;
    const { servers } = await certificateServers(cli, flags, 'error');
    const scope = { servers, open: sessionOpener(cli, servers), signal: cli.interruption.first };
    const found = await findCustom(scope, args.name);
    const held = found.filter(({ certificate }) => certificate !== null);
    const names = [...new Set(held.flatMap(({ certificate }) => certificate?.names ?? []))];
    const places = held.map(({ server }) => server).join(', ');
    if (!flags.yes) {
      await confirm(cli, {
        message: `Remove the certificate of ${shownNames(names)} from ${places}?`,
        flag: '--yes',
        byDefault: false,
      });
    }
    await removeCertificates(scope, found);
    cli.output.result(`removed the certificate of ${shownNames(names)} from ${places}`, {
      schema: 'tako.certificates-rm/1',
      ok: true,
      names,
      servers: found.map(({ server, certificate }) => ({ server, removed: certificate !== null })),
    });
  }
}
