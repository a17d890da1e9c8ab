import * as Flags from '@oclif/core/flags';
import { TakoError } from '@tako/config';
import { AppCommand } from '../cli/app-command.ts';
import { appTarget, sessionOpener } from '../cli/app-services.ts';
import { parseDuration } from '../cli/parse-duration.ts';
import { limits } from '../limits.ts';
import { logLine } from '../logs/log-line.ts';
import { readLogs } from '../logs/read-logs.ts';
import { createPager } from '../output/pager.ts';

export default class Logs extends AppCommand {
  static override description =
    'Show what an app printed on all of its servers, merged by time, and go on with what it prints now. With --release, the output of a version that never got healthy.';
  static override examples = [
    '<%= config.bin %> logs',
    '<%= config.bin %> logs --no-follow --since 1h --grep ERROR',
    '<%= config.bin %> logs --env staging --lines 1000 --json',
    '<%= config.bin %> logs --release 3f2c9a1',
  ];
  static override flags = {
    follow: Flags.boolean({
      char: 'f',
      allowNo: true,
      description: 'Go on with new lines; on a terminal by default.',
    }),
    since: Flags.string({ description: 'Only what was printed since so long.', helpValue: '1h' }),
    lines: Flags.integer({
      char: 'n',
      min: 0,
      max: limits.logLinesMax,
      description: `Lines of history of each server, of those that match; ${limits.logLinesDefault}, or with --since all.`,
    }),
    grep: Flags.string({
      description: 'Only lines that match this regular expression.',
      helpValue: 'PATTERN',
    }),
    release: Flags.string({
      description: 'The output of this version from its start that failed.',
      helpValue: 'VERSION',
      exclusive: ['follow', 'since'],
    }),
    pager: Flags.boolean({
      allowNo: true,
      default: true,
      description: 'On a terminal, show history in $PAGER.',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Logs);
    const { cli } = this;
    const { output, interruption, environment } = cli;
    const target = await appTarget(cli, flags);
    const onTerminal = environment.stdoutIsTty && output.interactive;
    const follow = flags.release === undefined && (flags.follow ?? onTerminal);
    const line = logLine(output.stdoutStyle, target.servers.length > 1);
    const pager =
      onTerminal && !follow && flags.pager ? createPager(environment, () => interruption.lendKey()) : null;
    const request = {
      deploymentId: target.deploymentId,
      servers: target.servers,
      lines: flags.lines ?? (flags.since === undefined ? limits.logLinesDefault : limits.logLinesMax),
      since: flags.since === undefined ? null : Date.now() - parseDuration(flags.since, 'since'),
      follow,
      release: flags.release ?? null,
      pattern: flags.grep === undefined ? null : parsePattern(flags.grep),
    };
    let shown = 0;
    try {
      await readLogs(request, {
        open: sessionOpener(cli, target.servers),
        signal: pager === null ? interruption.first : AbortSignal.any([interruption.first, pager.left]),
        task: cli.task,
        onEntry: (entry) => {
          shown += 1;
          if (pager === null) output.line(line(entry), { schema: 'tako.log/1', ...entry });
          else pager.write(line(entry));
        },
      });
    } finally {
      await pager?.end();
    }
    if (interruption.first.aborted) return cli.setExitCode(130);
    if (flags.release !== undefined && shown === 0) throw noReleaseLog(target.deploymentId, flags.release);
  }
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (cause) {
    throw new TakoError(
      'USAGE_INVALID',
      `--grep takes a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Escape what is meant as it is: --grep "a\\.b"',
      },
    );
  }
}

function noReleaseLog(deploymentId: string, version: string): TakoError {
  return new TakoError(
    'RELEASE_NOT_FOUND',
    `no output of a failed start of ${version} of ${deploymentId} is kept`,
    { hint: 'What a version printed after it was healthy is in the log: tako logs' },
  );
}
