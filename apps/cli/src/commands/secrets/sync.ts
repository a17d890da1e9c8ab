import { secretsDigest, TakoError } from '@tako/config';
import { AppCommand } from '../../cli/app-command.ts';
import { secretsPlace } from '../../cli/secrets-place.ts';
import { describeEnd } from '../../rollout/describe-end.ts';
import { updateSecrets } from '../../secrets/update-secrets.ts';
import { openEnvironmentSecrets } from '../../secrets/project-secrets.ts';

export default class SecretsSync extends AppCommand {
  static override description =
    'Bring the secrets of an environment to its servers. Only a server whose secrets differ gets them and restarts its instances, one at a time. When one value cannot be opened, nothing is changed anywhere.';
  static override examples = [
    '<%= config.bin %> secrets sync',
    '<%= config.bin %> secrets sync --env staging --server web1',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretsSync);
    const place = await secretsPlace(this.cli, flags);
    const secrets = await openEnvironmentSecrets(place);
    if (secrets === null) {
      throw new TakoError('SECRET_NOT_FOUND', `.tako/secrets has no environment "${place.env}"`, {
        hint: `Set the first secret: tako secrets set NAME --env ${place.env}`,
      });
    }
    const wanted = { secrets, digest: secretsDigest(secrets) };
    await this.change(
      { ...flags, app: undefined },
      (target) => ({
        title: 'Sync secrets',
        command: 'secrets sync',
        open: (session, lock, call) =>
          updateSecrets({ session, lock, deploymentId: target.deploymentId }, wanted, call),
        describe: describeEnd,
      }),
      (target) => `the secrets of ${target.deploymentId} are those of .tako/secrets`,
    );
  }
}
