import { resolveEnvironment, secretNames } from '@tako/config';
import { environmentFlag } from '../../cli/environment-flag.ts';
import { secretsPlace } from '../../cli/secrets-place.ts';
import { TakoCommand } from '../../cli/tako-command.ts';
import { resolvedConfig, resolvedConfigText } from '../../config-show/resolved-config.ts';
import { readSecretsFile } from '../../secrets/project-secrets.ts';

export default class ConfigShow extends TakoCommand {
  static override description =
    'Show what tako.toml means for an environment, with defaults, preset and overrides applied. Of secrets only the names are shown.';
  static override examples = [
    '<%= config.bin %> config show',
    '<%= config.bin %> config show --env staging --json',
  ];
  static override flags = { ...environmentFlag };

  override async run(): Promise<void> {
    const { flags } = await this.parse(ConfigShow);
    const place = await secretsPlace(this.cli, flags);
    const { project } = place.project;
    const config = {
      file: project.file,
      environment: resolveEnvironment(project, place.env),
      secretNames: secretNames(await readSecretsFile(place.file), place.env),
    };
    this.cli.output.result(resolvedConfigText(config), {
      schema: 'tako.config/1',
      ok: true,
      file: config.file,
      environments: project.environments,
      config: resolvedConfig(config),
    });
  }
}
