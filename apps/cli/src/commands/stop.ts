import { AppCommand } from '../cli/app-command.ts';
import { describeEnd } from '../rollout/describe-end.ts';
import { confirm } from '../prompt/prompt.ts';

export default class Stop extends AppCommand {
  static override description =
    'Stop an app: its instances end in order, its routes answer 503. Releases, secrets and scale stay for "tako start".';
  static override examples = [
    '<%= config.bin %> stop --env staging',
    '<%= config.bin %> stop --app shop --yes',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(Stop);
    if (!flags.yes) {
      const name = flags.app ?? 'the app of this directory';
      await confirm(this.cli, {
        message: `Stop ${name} (${flags.env ?? 'production'})? It serves nothing until "tako start".`,
        flag: '--yes',
        byDefault: false,
      });
    }
    await this.change(
      flags,
      (target) => ({
        title: 'Stop',
        command: 'stop',
        open: ({ client }, { token }, call) =>
          client.api.stop.mutate({ deploymentId: target.deploymentId, token }, call),
        describe: (end) => (end.type === 'unchanged' ? describeEnd(end) : null),
      }),
      (target) => `stopped ${target.deploymentId}`,
    );
  }
}
