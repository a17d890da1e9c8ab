import * as Flags from '@oclif/core/flags';
import { AppCommand, endJson } from '../cli/app-command.ts';
import { lockHolder, projectTarget, sessionOpener } from '../cli/app-services.ts';
import { waitLockFlag } from '../cli/app-flags.ts';
import { parseDuration } from '../cli/parse-duration.ts';
import { inventoryFile, keysDirectory } from '../app/local-files.ts';
import { openProject } from '../app/project.ts';
import { writeChosenServers } from '../app/write-servers.ts';
import { deployApp, type DeployResult } from '../deploy/deploy.ts';
import { describePlan, planDeploy, planJson, type DeployPlan } from '../deploy/deploy-plan.ts';
import { formatDuration } from '../output/text.ts';
import { askText, choose, confirm } from '../prompt/prompt.ts';
import { addServer } from '../servers/add-server.ts';
import { readInventory } from '../servers/inventory.ts';
import { refreshSchema } from '../init/project-schema-file.ts';

export default class Deploy extends AppCommand {
  static override description =
    'Build this project, send it to the servers of the environment, and swap the instances one at a time. Until every new instance is proven healthy the old version serves; if one is not, everything is put back.';
  static override examples = [
    '<%= config.bin %> deploy',
    '<%= config.bin %> deploy --env staging --dry-run',
    '<%= config.bin %> deploy --yes --wait-lock=10m --json',
  ];
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Show what would be done, and do nothing.' }),
    'wait-lock': waitLockFlag,
  };

  override async run(): Promise<void> {
    // oclif knows no flag with an optional value.
    this.argv = this.argv.map((word) => (word === '--wait-lock' ? '--wait-lock=5m' : word));
    const { flags } = await this.parse(Deploy);
    const { cli } = this;
    const { output, interruption } = cli;
    if (output.interactive && !flags['dry-run']) await this.addFirstServer(flags);
    const target = await projectTarget(
      cli,
      flags,
      output.interactive ? (known) => this.askForServers(known) : 'error',
    );
    // Before the sources are read: the file is one of them.
    const written = flags['dry-run'] ? null : await writeChosenServers(target);
    if (!flags['dry-run']) await refreshSchema(target.project);
    const plan = await cli.task.run('Plan', (task) =>
      planDeploy(
        {
          target,
          keysDirectory: keysDirectory(cli.environment.takoHome),
          env: cli.environment.variables,
          signal: interruption.first,
        },
        task,
      ),
    );
    if (flags['dry-run']) {
      output.result(describePlan(plan).join('\n'), {
        schema: 'tako.deploy-plan/1',
        ok: true,
        ...planJson(plan),
      });
      return;
    }
    if (!flags.yes && target.envWasImplicit && output.interactive) {
      output.say(describePlan(plan).join('\n'));
      await confirm(cli, {
        message: `Deploy ${target.app} to ${target.env}?`,
        flag: '--yes',
        byDefault: true,
      });
    }
    output.openStream();
    if (written !== null) cli.task.tell(written);
    const result = await deployApp({
      plan,
      holder: lockHolder(cli, 'tako deploy'),
      waitLockMs: flags['wait-lock'] === undefined ? 0 : parseDuration(flags['wait-lock'], 'wait-lock'),
      interruption,
      open: sessionOpener(cli, target.servers),
      task: cli.task,
    });
    this.print(plan, result);
  }

  /** Somebody who just came from `init` knows a server, and this machine does not yet. */
  private async addFirstServer(flags: {
    config?: string | undefined;
    server?: string[] | undefined;
  }): Promise<void> {
    const { cli } = this;
    // What is wrong with the project is said before a question is asked.
    const { project } = await openProject(cli.environment.cwd, flags.config ?? null);
    const named = Object.values(project.resolved).some(({ servers }) => servers.length > 0);
    const { servers } = await readInventory(inventoryFile(cli.environment.takoHome));
    if (servers.length > 0 || named || flags.server !== undefined) return;
    cli.output.say('This machine knows no server yet. Name one where tako-server runs, as ssh gets there.');
    const typed = await askText(cli, {
      message: 'Where is your server? (user@host)',
      byDefault: '',
      flag: 'tako servers add user@host',
      check: (text) => text.trim() !== '' || 'Write it like tako@203.0.113.7',
    });
    await addServer(cli, typed, { check: true });
    cli.output.close();
  }

  private print(plan: DeployPlan, result: DeployResult): void {
    const { output } = this.cli;
    output.close();
    const cut = result.servers.reduce(
      (sum, { end }) => sum + (end.type === 'deployed' ? end.cutConnections : 0),
      0,
    );
    const phases = result.phases
      .map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`)
      .join(', ');
    const totalMs = result.phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
    output.say(
      `${output.style.green('deployed')} ${plan.target.deploymentId} ${output.style.bold(result.version)} to ${result.servers.length} server${result.servers.length === 1 ? '' : 's'} in ${formatDuration(totalMs)} (${phases}; ${cut} connections cut)`,
    );
    output.result(result.urls.join('\n'), {
      type: 'result',
      schema: 'tako.deploy/1',
      ok: true,
      deploymentId: plan.target.deploymentId,
      app: plan.target.app,
      env: plan.target.env,
      version: result.version,
      urls: result.urls,
      servers: result.servers.map(({ server, end }) => ({ server, ...endJson(end) })),
      phases: result.phases,
    });
  }

  private async askForServers<S extends { readonly name: string; readonly host: string }>(
    known: readonly S[],
  ): Promise<S[]> {
    return choose(this.cli, {
      message: 'Which servers is production on? (written into tako.toml)',
      choices: known.map((server) => ({ name: `${server.name} (${server.host})`, value: server })),
      flag: '--server NAME',
    });
  }
}
