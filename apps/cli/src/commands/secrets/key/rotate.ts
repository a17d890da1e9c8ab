import * as Flags from '@oclif/core/flags';
import { environmentFlag } from '../../../cli/environment-flag.ts';
import { secretsPlace } from '../../../cli/secrets-place.ts';
import { TakoCommand } from '../../../cli/tako-command.ts';
import { askNewPassphrase } from '../../../prompt/read-secret.ts';
import { rotateProjectKey } from '../../../secrets/project-secrets.ts';

export default class SecretsKeyRotate extends TakoCommand {
  static override description =
    'Seal the secrets of an environment again under a new key, when somebody leaves who had the old one. Values stay as they are, so servers need nothing; whoever works on the project imports the new key. Values that the old key opened are in the history of git: what must be secret from its owner needs new values, too.';
  static override examples = [
    '<%= config.bin %> secrets key rotate',
    '<%= config.bin %> secrets key rotate --env staging --passphrase',
  ];
  static override flags = {
    ...environmentFlag,
    passphrase: Flags.boolean({
      description: 'Make the new key from a passphrase that is asked for, instead of at random.',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretsKeyRotate);
    const place = await secretsPlace(this.cli, flags);
    const passphrase = flags.passphrase ? await askNewPassphrase(this.cli, place.env) : null;
    const { names, keyFile } = await rotateProjectKey(place, passphrase);
    const count = `${names.length} secret${names.length === 1 ? '' : 's'}`;
    this.cli.output.result(
      `sealed ${count} of ${place.env} under a new key, kept in ${keyFile}; share it: tako secrets key export --env ${place.env}`,
      { schema: 'tako.secrets-key-rotate/1', ok: true, env: place.env, names, keyFile },
    );
  }
}
