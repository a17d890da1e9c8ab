import * as Args from '@oclif/core/args';
import { AppCommand } from '../cli/app-command.ts';
import { describeEnd } from '../rollout/describe-end.ts';

export default class Scale extends AppCommand {
  static override description =
    'Set how many instances of an app run on each of its servers. 0 starts it on demand: idle apps end, the next request wakes them.';
  static override examples = [
    '<%= config.bin %> scale 4',
    '<%= config.bin %> scale 0 --env staging',
    '<%= config.bin %> scale 2 --app shop --server web1',
  ];
  static override args = {
    instances: Args.integer({
      required: true,
      min: 0,
      max: 256,
      description: 'Instances on each server, 0 to 256.',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Scale);
    const { instances } = args;
    await this.change(
      flags,
      (target) => ({
        title: `Scale to ${instances}`,
        command: `scale ${instances}`,
        open: ({ client }, { token }, call) =>
          client.api.scale.mutate({ deploymentId: target.deploymentId, token, instances }, call),
        describe: describeEnd,
      }),
      (target) =>
        `${target.deploymentId} runs ${instances === 0 ? 'on demand' : `${instances} instance${instances === 1 ? '' : 's'} on each server`}`,
    );
  }
}
