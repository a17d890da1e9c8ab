import * as Flags from '@oclif/core/flags';
import { TakoError } from '@tako/config';
import { appTarget, sessionOpener } from '../cli/app-services.ts';
import { AppCommand } from '../cli/app-command.ts';
import { confirmByName } from '../prompt/prompt.ts';
import { belongingsText, readBelongings } from '../status/what-goes.ts';

export default class Delete extends AppCommand {
  static override description =
    "Delete an app from its servers: instances, routes, releases, secrets, logs. Asks for the app's name. The project on this machine stays.";
  static override examples = [
    '<%= config.bin %> delete --env staging',
    '<%= config.bin %> delete --app shop --confirm shop',
  ];
  static override flags = {
    confirm: Flags.string({ description: "The app's name, instead of the question.", helpValue: 'NAME' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Delete);
    const { output } = this.cli;
    const target = await appTarget(this.cli, flags);
    if (flags.confirm === undefined) {
      const open = sessionOpener(this.cli, target.servers);
      // Without a person the question below is the error, whatever the servers would say.
      if (output.interactive) {
        const belongings = await readBelongings(target, open, this.cli.interruption.first);
        output.say(belongingsText(target, belongings));
      }
      await confirmByName(this.cli, {
        message: `Type the app's name to delete it (${target.app}):`,
        name: target.app,
        flag: `--confirm ${target.app}`,
      });
    } else if (flags.confirm !== target.app) {
      throw new TakoError('USAGE_INVALID', `--confirm ${flags.confirm} does not name the app ${target.app}`, {
        hint: `If you mean it: --confirm ${target.app}`,
      });
    }
    await this.change(
      flags,
      () => ({
        title: 'Delete',
        command: 'delete',
        open: ({ client }, { token }, call) =>
          client.api.delete.mutate({ deploymentId: target.deploymentId, token }, call),
        describe: () => null,
      }),
      () => `deleted ${target.deploymentId}`,
    );
  }
}
