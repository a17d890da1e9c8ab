import * as Args from '@oclif/core/args';
import { environmentFlag } from '../../cli/environment-flag.ts';
import { secretsPlace } from '../../cli/secrets-place.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { removeProjectSecret } from '../../secrets/project-secrets.ts';

export default class SecretsRm extends TakoCommand {
  static override description =
    'Remove a secret from .tako/secrets. It leaves the servers with the next deploy, or with "tako secrets sync".';
  static override examples = [
    '<%= config.bin %> secrets rm OLD_TOKEN',
    '<%= config.bin %> secrets rm OLD_TOKEN --env staging',
  ];
  static override args = { name: Args.string({ required: true, description: 'The name of the secret.' }) };
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(SecretsRm);
    const place = await secretsPlace(this.cli, flags);
    await removeProjectSecret(place, args.name);
    this.cli.output.result(`removed ${args.name} from ${place.env}`, {
      schema: 'tako.secrets-rm/1',
      ok: true,
      name: args.name,
      env: place.env,
    });
  }
}
