import { AppCommand } from '../cli/app-command.ts';

export default class Resume extends AppCommand {
  static override description = 'End a pause: the requests that wait are answered, in the order they came.';
  static override examples = [
    '<%= config.bin %> resume',
    '<%= config.bin %> resume --app shop --env staging',
  ];

  override async run(): Promise<void> {
    const { flags } = await this.parse(Resume);
    await this.switch(
      flags,
      {
        title: 'Resume',
        command: 'resume',
        set: (api, input, call) => api.resume.mutate(input, call),
      },
      { schema: 'tako.resume/1', sentence: ({ deploymentId }) => `${deploymentId} answers again` },
    );
  }
}
