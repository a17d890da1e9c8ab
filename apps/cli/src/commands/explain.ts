import * as Args from '@oclif/core/args';
import { TakoCommand } from '../cli/tako-command.ts';
import { explainCode, explanationText } from '../explain/explain-code.ts';

export default class Explain extends TakoCommand {
  static override description =
    'Say what an error code means, who has to act, whether trying again may help, and what to do.';
  static override examples = [
    '<%= config.bin %> explain SSH_HOST_KEY_CHANGED',
    '<%= config.bin %> explain DEPLOYMENT_LOCKED --json',
  ];
  static override args = {
    code: Args.string({ required: true, description: 'As an error prints it: SSH_AUTH_FAILED' }),
  };

  override async run(): Promise<void> {
    const { args } = await this.parse(Explain);
    const explanation = await explainCode(args.code, this.config.root);
    this.cli.output.result(explanationText(explanation), { schema: 'tako.explain/1', ...explanation });
  }
}
