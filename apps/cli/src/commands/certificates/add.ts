import path from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { addCertificate, routesServedBy, type ServerRoutes } from '../../certificates/change-certificates.ts';
import { coveredRoutes } from '../../certificates/covered-routes.ts';
import { formatMoment } from '../../certificates/format-moment.ts';
import { shownNames } from '../../certificates/list-certificates.ts';
import { readPair } from '../../certificates/read-pair.ts';
import { AppCommand } from '../../cli/app-command.ts';
import { sessionOpener } from '../../cli/app-services.ts';
import { certificateServers } from '../../cli/certificate-servers.ts';
import { wrapColumns } from '../../output/text.ts';
import { confirm } from '../../prompt/prompt.ts';

export default class CertificatesAdd extends AppCommand {
  static override description =
    'Give the servers a certificate of your own, with its key. It is served for its names before any issued one, at once and without cutting a connection; renew it by adding the next one. Both files are checked before anything is sent.';
  static override examples = [
    '<%= config.bin %> certificates add fullchain.pem --key privkey.pem',
    '<%= config.bin %> certificates add fullchain.pem --key privkey.pem --server web1 --server web2',
  ];
  static override args = {
    certificate: Args.string({
      required: true,
      description: 'PEM file: the certificate first, then its chain.',
    }),
  };
  static override flags = {
    key: Flags.string({
      required: true,
      description: 'PEM file with its private key, without a passphrase.',
      helpValue: 'FILE',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CertificatesAdd);
    const { cli } = this;
    const { cwd } = cli.environment;
    const files = {
      certificate: path.resolve(cwd, args.certificate),
      key: path.resolve(cwd, flags.key),
    };
    const { names, issuer, notAfter, pair } = await readPair(files, Date.now());
    const { servers, projectRoutes } = await certificateServers(cli, flags, 'error');
    const scope = { servers, open: sessionOpener(cli, servers), signal: cli.interruption.first };
    const serving = await routesServedBy(scope, names);
    const isWanted =
      coveredRoutes(projectRoutes, names).length > 0 || serving.some(({ routes }) => routes.length > 0);
    if (!isWanted && !flags.yes) {
      await confirm(cli, {
        message: `It is for ${shownNames(names)}, and no route has such a host. Add it all the same?`,
        flag: '--yes',
        byDefault: false,
      });
    }
    await addCertificate(scope, pair);
    const until = formatMoment(notAfter, Date.now());
    cli.output.result(
      [
        `added the certificate of ${shownNames(names)} by ${issuer}, which ends ${until}`,
        ...serving.map(sentence),
      ]
        .flatMap((line) => wrapColumns(line, cli.output.columns(), 2))
        .join('\n'),
      { schema: 'tako.certificates-add/1', ok: true, names, issuer, notAfter, servers: serving },
    );
  }
}

const sentence = ({ server, routes }: ServerRoutes): string =>
  `  ${server}: ${routes.length === 0 ? 'no route wants it yet' : `serves ${shownNames(routes)}`}`;
