import { AppCommand } from '../cli/app-command.ts';
import { sessionOpener } from '../cli/app-services.ts';
import { inventoryFile, keysDirectory } from '../app/local-files.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { diagnosisExitCode, diagnosisText } from '../doctor/diagnosis.ts';

export default class Doctor extends AppCommand {
  static override description =
    'Check every layer between this project and its servers, and name the one that fails with its fix: configuration, git, ssh, secrets, server, disk, clock, DNS of the routes.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --env staging --json'];

  override async run(): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const { cli } = this;
    const { environment, output } = cli;
    const findings = await diagnose({
      cwd: environment.cwd,
      configFile: flags.config ?? null,
      env: flags.env ?? null,
      servers: flags.server ?? [],
      inventoryFile: inventoryFile(environment.takoHome),
      keysDirectory: keysDirectory(environment.takoHome),
      version: cli.version,
      sshConfigFile: environment.sshConfigFile,
      variables: environment.variables,
      openerFor: (servers) => sessionOpener(cli, servers),
      signal: cli.interruption.first,
      task: cli.task,
    });
    output.result(diagnosisText(findings, { style: output.stdoutStyle, columns: output.columns() }), {
      schema: 'tako.doctor/1',
      ok: findings.every(({ outcome }) => outcome !== 'failed'),
      findings,
    });
    cli.setExitCode(diagnosisExitCode(findings));
  }
}
