import { environmentVariables, resolveEnvironment, TakoError } from '@tako/config';
import { environmentFlag } from '../cli/environment-flag.ts';
import { secretsPlace } from '../cli/secrets-place.ts';
import { TakoCommand } from '../cli/tako-command.ts';
import { runLocal } from '../run/run-local.ts';
import { openEnvironmentSecrets } from '../secrets/project-secrets.ts';

export default class Run extends TakoCommand {
  static override description =
    "Run a command on this machine with an environment's variables and secrets, as the app would have them. They are in the command's environment only. It ends with the command's exit code.";
  static override usage = 'run [--env NAME] -- CMD [ARG...]';
  static override examples = [
    '<%= config.bin %> run -- node scripts/seed.js',
    '<%= config.bin %> run --env staging -- psql',
    '<%= config.bin %> run -- sh -c \'echo "$DATABASE_URL" | wc -c\'',
  ];
  static override strict = false;
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { raw, flags } = await this.parse(Run);
    const { cli } = this;
    // Not its `argv`, in which a word that comes twice has lost its place.
    const [program, ...args] = raw.flatMap((token) => (token.type === 'arg' ? [token.input] : []));
    if (program === undefined) {
      throw new TakoError('USAGE_INVALID', 'nothing says what to run', {
        hint: 'Write it behind two dashes: tako run -- node script.js',
      });
    }
    const place = await secretsPlace(cli, flags);
    const environment = resolveEnvironment(place.project.project, place.env);
    const secrets = (await openEnvironmentSecrets(place)) ?? {};
    const env = environmentVariables({
      runtimeDefaults: { ...cli.environment.variables, ...secrets },
      vars: environment.vars,
      own: { TAKO_APP: environment.app, TAKO_ENV: environment.env },
    });
    const giveBack = cli.interruption.lendKey();
    try {
      const { cwd } = cli.environment;
      cli.setExitCode(
        await runLocal({ words: [program, ...args], cwd, env, signal: cli.interruption.first }),
      );
    } finally {
      giveBack();
    }
  }
}
