import { secretNames } from '@tako/config';
import { secretsPlace } from '../../cli/secrets-place.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { formatTable } from '../../output/table.ts';
import { readSecretsFile } from '../../secrets/project-secrets.ts';

export default class SecretsLs extends TakoCommand {
  static override description =
    'List the names of the secrets of every environment, never their values. A name that one environment lacks stops a deploy of it.';
  static override examples = ['<%= config.bin %> secrets ls', '<%= config.bin %> secrets ls --json'];

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretsLs);
    const place = await secretsPlace(this.cli, flags);
    const file = await readSecretsFile(place.file);
    const envs = Object.keys(file.envs).sort();
    const byEnv = Object.fromEntries(envs.map((env) => [env, secretNames(file, env)]));
    const names = [...new Set(Object.values(byEnv).flat())].sort();
    const rows = names.map((name) => [
      name,
      ...envs.map((env) => (byEnv[env]?.includes(name) ? 'set' : '-')),
    ]);
    const text =
      names.length === 0
        ? 'no secrets yet'
        : formatTable(
            { head: ['NAME', ...envs.map((env) => env.toUpperCase())], rows },
            this.cli.output.columns(),
          );
    this.cli.output.result(text, { schema: 'tako.secrets/1', ok: true, envs: byEnv });
  }
}
