import * as Flags from '@oclif/core/flags';
import { AppCommand } from '../cli/app-command.ts';
import { appTarget, sessionOpener } from '../cli/app-services.ts';
import { confirm } from '../prompt/prompt.ts';
import { unlockApp, unlockText } from '../rollout/unlock-app.ts';

export default class Unlock extends AppCommand {
  static override description =
    "Release the lock of an app on its servers by force, when its holder is gone for good. A lock whose holder died ends by itself within seconds. The server's audit notes who did it.";
  static override examples = [
    '<%= config.bin %> unlock',
    '<%= config.bin %> unlock --app shop --env staging --yes --reason "laptop lost"',
  ];
  static override flags = {
    reason: Flags.string({ description: "For the server's audit.", helpValue: 'TEXT' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Unlock);
    const { cli } = this;
    const target = await appTarget(cli, flags);
    if (!flags.yes) {
      await confirm(cli, {
        message: `Take the lock of ${target.deploymentId} away on ${target.servers.map(({ name }) => name).join(', ')}? A deploy that still runs would go on unprotected.`,
        flag: '--yes',
        byDefault: false,
      });
    }
    const servers = await unlockApp(target, {
      open: sessionOpener(cli, target.servers),
      signal: cli.interruption.first,
      reason: flags.reason ?? null,
    });
    cli.output.result(unlockText(servers), {
      schema: 'tako.unlock/1',
      ok: true,
      deploymentId: target.deploymentId,
      servers,
    });
  }
}
