import { environmentFlag } from '../../../cli/environment-flag.ts';
import { secretsPlace } from '../../../cli/secrets-place.ts';
import { TakoCommand } from '../../../cli/tako-command.ts';
import { readSecretValue } from '../../../prompt/read-secret.ts';
import { importProjectKey } from '../../../secrets/project-secrets.ts';

export default class SecretsKeyImport extends TakoCommand {
  static override description =
    'Keep the key of an environment\'s secrets on this machine: the output of "tako secrets key export", or the passphrase. It is asked for, or read from stdin.';
  static override examples = [
    '<%= config.bin %> secrets key import',
    'printf %s "$TAKO_KEY" | <%= config.bin %> secrets key import --env production',
  ];
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretsKeyImport);
    const place = await secretsPlace(this.cli, flags);
    const text = await readSecretValue(this.cli, `Key or passphrase of the secrets of ${place.env}:`);
    const file = await importProjectKey(place, text);
    this.cli.output.result(`imported the key of ${place.env}`, {
      schema: 'tako.secrets-key-import/1',
      ok: true,
      env: place.env,
      file,
    });
  }
}
