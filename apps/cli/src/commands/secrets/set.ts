import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { parseSecretName } from '@tako/config';
import { environmentFlag } from '../../cli/environment-flag.ts';
import { secretsPlace } from '../../cli/secrets-place.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { askNewPassphrase, readSecretValue } from '../../prompt/read-secret.ts';
import { setProjectSecret } from '../../secrets/project-secrets.ts';

export default class SecretsSet extends TakoCommand {
  static override description =
    'Seal a secret into .tako/secrets, which is meant to be committed. The value comes from a masked prompt or from stdin, never from an argument. It reaches the servers with the next deploy, or with "tako secrets sync".';
  static override examples = [
    '<%= config.bin %> secrets set DATABASE_URL',
    'printf %s "$TOKEN" | <%= config.bin %> secrets set API_TOKEN --env staging',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'A-Z, 0-9 and _: DATABASE_URL' }),
  };
  static override flags = {
    ...environmentFlag,
    passphrase: Flags.boolean({
      description:
        "Make the environment's key from a passphrase that is asked for, instead of at random; for its first secret.",
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(SecretsSet);
    const { output } = this.cli;
    const name = parseSecretName(args.name);
    const place = await secretsPlace(this.cli, flags);
    const passphrase = flags.passphrase ? await askNewPassphrase(this.cli, place.env) : null;
    const value = await readSecretValue(this.cli, `Value of ${name} (${place.env}):`);
    const outcome = await setProjectSecret(place, { name, value, passphrase });
    if (outcome.keyCreated) {
      output.say(
        `The key of "${place.env}" is new and kept in ${outcome.keyFile}. Share it: tako secrets key export --env ${place.env}`,
      );
    }
    output.result(
      `set ${name} in ${place.env}; "tako secrets sync --env ${place.env}" or the next deploy brings it to the servers`,
      {
        schema: 'tako.secrets-set/1',
        ok: true,
        name,
        env: place.env,
        keyCreated: outcome.keyCreated,
      },
    );
  }
}
