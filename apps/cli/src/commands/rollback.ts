import * as Args from '@oclif/core/args';
import { AppCommand } from '../cli/app-command.ts';
import { rollbackChange, rollbackSentence } from '../rollout/roll-back.ts';

export default class Rollback extends AppCommand {
  static override description =
    'Roll back to the previous good release, or to the one named. Routes, secrets and scale stay as they are.';
  static override examples = [
    '<%= config.bin %> rollback',
    '<%= config.bin %> rollback 1a2b3c4d5e6f --env staging',
  ];
  static override args = {
    version: Args.string({
      description: 'As "tako releases ls" shows it; the previous good one when left away.',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Rollback);
    await this.change(flags, (target) => rollbackChange(target, args.version ?? null), rollbackSentence);
  }
}
