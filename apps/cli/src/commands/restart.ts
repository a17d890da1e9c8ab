import { AppCommand } from '../cli/app-command.ts';
import { describeEnd } from '../rollout/describe-end.ts';

export default class Restart extends AppCommand {
  static override description =
    'Replace every instance by a new one of the same release, one at a time, without losing a request.';
  static override examples = [
    '<%= config.bin %> restart',
    '<%= config.bin %> restart --env staging --server web1',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(Restart);
    await this.change(
      flags,
      (target) => ({
        title: 'Restart',
        command: 'restart',
        open: ({ client }, { token }, call) =>
          client.api.restart.mutate({ deploymentId: target.deploymentId, token }, call),
        describe: describeEnd,
      }),
      (target) => `restarted ${target.deploymentId}`,
    );
  }
}
