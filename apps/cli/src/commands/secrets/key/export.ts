import { environmentFlag } from '../../../cli/environment-flag.ts';
import { secretsPlace } from '../../../cli/secrets-place.ts';
import { TakoCommand } from '../../../cli/tako-command.ts';
import { exportProjectKey } from '../../../secrets/project-secrets.ts';

export default class SecretsKeyExport extends TakoCommand {
  static override description =
    "Print the key that seals an environment's secrets, for a colleague or a CI variable. Whoever has it and the file can read every value.";
  static override examples = ['<%= config.bin %> secrets key export --env production'];
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretsKeyExport);
    const place = await secretsPlace(this.cli, flags);
    const key = await exportProjectKey(place);
    this.cli.output.result(key, { schema: 'tako.secrets-key/1', ok: true, env: place.env, key });
  }
}
