import * as Flags from '@oclif/core/flags';
import { TakoError } from '@tako/config';
import { AppCommand } from '../cli/app-command.ts';
import { parseDuration } from '../cli/parse-duration.ts';
import { limits } from '../limits.ts';

export default class Pause extends AppCommand {
  static override description =
    'Hold the requests of an app until "tako resume": a request waits so long as --max says and is then answered 503. Instances and health checks go on; it outlives a reload of the server.';
  static override examples = [
    '<%= config.bin %> pause',
    '<%= config.bin %> pause --max 2m --env staging',
    '<%= config.bin %> pause && migrate-database && <%= config.bin %> resume',
  ];
  static override flags = {
    max: Flags.string({
      default: '30s',
      description: 'How long a request is held, 100ms to 10m.',
      helpValue: '30s',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Pause);
    const maxMs = parseDuration(flags.max, 'max');
    if (maxMs < limits.pauseMinMs || maxMs > limits.pauseMaxMs) {
      throw new TakoError('USAGE_INVALID', `--max ${flags.max} is not between 100ms and 10m`, {
        hint: 'To answer at once that the app is away: tako maintenance on',
      });
    }
    await this.switch(
      flags,
      {
        title: 'Pause',
        command: 'pause',
        flags: `--max ${flags.max}`,
        set: (api, input, call) => api.pause.mutate({ ...input, maxMs }, call),
      },
      {
        schema: 'tako.pause/1',
        facts: { maxMs },
        sentence: ({ deploymentId }) =>
          `${deploymentId} is paused: each request is held up to ${flags.max}; go on with: tako resume`,
      },
    );
  }
}
