import * as Flags from '@oclif/core/flags';
import { TakoError } from '@tako/config';
import { AppCommand } from '../cli/app-command.ts';
import { appTarget, sessionOpener } from '../cli/app-services.ts';
import { parseDuration } from '../cli/parse-duration.ts';
import { inventoryFile } from '../app/local-files.ts';
import { findProject } from '../app/project.ts';
import { limits } from '../limits.ts';
import { createLiveScreen } from '../output/live-screen.ts';
import { readInventory } from '../servers/inventory.ts';
import { outcomesExitCode } from '../servers/outcomes.ts';
import { statusJson, readStatus, type StatusReport, type StatusScope } from '../status/read-status.ts';
import { statusText } from '../status/status-text.ts';
import { statusFingerprint, watchStatus } from '../status/watch-status.ts';

export default class Status extends AppCommand {
  static override description =
    'Show releases, instances, health, traffic, memory and certificates on every server of the app; outside of a project, every app on every known server. With --watch it goes on: drawn in place on a terminal, else printed when something changed; with --json one line for each reading.';
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --watch',
    '<%= config.bin %> status --app shop --env staging',
    '<%= config.bin %> status --json',
  ];
  static override flags = {
    watch: Flags.boolean({ char: 'w', description: 'Go on until Ctrl-C.' }),
    interval: Flags.string({
      default: '1s',
      description: 'Between two readings of --watch.',
      helpValue: '1s',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const { cli } = this;
    const scope = await this.scope(flags);
    if (flags.watch) return this.watch(scope, intervalOf(flags.interval));
    const report = await readStatus(scope, sessionOpener(cli, scope.servers), cli.interruption.first);
    cli.output.result(this.text(report), statusJson(report));
    cli.setExitCode(outcomesExitCode(report.outcomes));
  }

  private text(report: StatusReport): string {
    const { output } = this.cli;
    return statusText(report, {
      style: output.stdoutStyle,
      columns: output.columns(),
      now: Date.now(),
    });
  }

  private async watch(scope: StatusScope, intervalMs: number): Promise<void> {
    const { output, interruption, environment } = this.cli;
    const live = environment.stdoutIsTty && output.interactive ? createLiveScreen(output.terminal) : null;
    const forget = this.cli.onLeave(() => live?.close());
    let printed = '';
    try {
      await watchStatus(scope, {
        open: sessionOpener(this.cli, scope.servers),
        signal: interruption.first,
        intervalMs,
        onReport: (report) => {
          if (live !== null) return live.draw(this.text(report));
          const fingerprint = statusFingerprint(report);
          if (!output.json && fingerprint === printed) return undefined;
          printed = fingerprint;
          return output.line(`${new Date().toISOString()}\n${this.text(report)}\n`, statusJson(report));
        },
      });
    } finally {
      forget();
      live?.close();
    }
    this.cli.setExitCode(130);
  }

  private async scope(flags: Parameters<typeof appTarget>[1]): Promise<StatusScope> {
    const { environment } = this.cli;
    const project = flags.app === undefined ? await findProject(environment.cwd, flags.config ?? null) : null;
    if (flags.app !== undefined || project !== null) return appTarget(this.cli, flags, 'all');
    const inventory = await readInventory(inventoryFile(environment.takoHome));
    const names = flags.server ?? [];
    const servers = inventory.servers.filter(({ name }) => names.length === 0 || names.includes(name));
    return { deploymentId: null, servers };
  }
}

function intervalOf(text: string): number {
  const intervalMs = parseDuration(text, 'interval');
  if (intervalMs >= limits.watchIntervalMinMs && intervalMs <= limits.watchIntervalMaxMs) return intervalMs;
  throw new TakoError('USAGE_INVALID', `--interval ${text} is not between 200ms and 1h`);
}
