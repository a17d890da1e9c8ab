import { AppCommand } from '../cli/app-command.ts';
import { describeEnd } from '../rollout/describe-end.ts';

export default class Start extends AppCommand {
  static override description = 'Start an app that was stopped, with the release and scale it had.';
  static override examples = ['<%= config.bin %> start', '<%= config.bin %> start --app shop --env staging'];

  override async run(): Promise<void> {
    const { flags } = await this.parse(Start);
    await this.change(
      flags,
      (target) => ({
        title: 'Start',
        command: 'start',
        open: ({ client }, { token }, call) =>
          client.api.start.mutate({ deploymentId: target.deploymentId, token }, call),
        describe: describeEnd,
      }),
      (target) => `started ${target.deploymentId}`,
    );
  }
}
