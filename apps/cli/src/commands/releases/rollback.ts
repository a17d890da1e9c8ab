import * as Args from '@oclif/core/args';
import { AppCommand } from '../../cli/app-command.ts';
import { rollbackChange, rollbackSentence } from '../../rollout/roll-back.ts';

export default class ReleasesRollback extends AppCommand {
  static override description =
    'Roll back to a release by its version. Routes, secrets and scale stay as they are.';
  static override examples = ['<%= config.bin %> releases rollback 1a2b3c4d5e6f'];
  static override args = {
    version: Args.string({ required: true, description: 'As "tako releases ls" shows it.' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ReleasesRollback);
    await this.change(flags, (target) => rollbackChange(target, args.version), rollbackSentence);
  }
}
