import * as Args from '@oclif/core/args';
import { AppCommand } from '../cli/app-command.ts';

export default class Maintenance extends AppCommand {
  static override description =
    'Answer every request of an app with 503 and a page that says so, until it is switched off. Instances and health checks go on; it outlives deploys and restarts of the server.';
  static override examples = [
    '<%= config.bin %> maintenance on',
    '<%= config.bin %> maintenance off --env staging',
  ];
  static override args = {
    state: Args.string({ required: true, options: ['on', 'off'], description: 'on or off.' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Maintenance);
    const on = args.state === 'on';
    await this.switch(
      flags,
      {
        title: on ? 'Begin maintenance' : 'End maintenance',
        command: `maintenance ${args.state}`,
        set: (api, input, call) => api.maintenance.mutate({ ...input, on }, call),
      },
      {
        schema: 'tako.maintenance/1',
        facts: { on },
        sentence: ({ deploymentId }) =>
          on
            ? `${deploymentId} is under maintenance: 503 to everyone; end it with: tako maintenance off`
            : `${deploymentId} answers again`,
      },
    );
  }
}
