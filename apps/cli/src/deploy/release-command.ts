// The release command of a deploy, on the one server that runs it: output streamed, its exit judged (spec 10, 30).
import { TakoError } from '@tako/config';
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import type { ServerFacts } from './check-server.ts';
import { streamCut, withDeadline } from './server-stream.ts';

export interface CommandOptions {
  readonly deploymentId: string;
  readonly version: string;
  readonly command: string;
  readonly secrets: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

/** Errors: RELEASE_COMMAND_FAILED, RELEASE_COMMAND_TIMED_OUT, with the last lines. */
export async function runReleaseCommand(
  facts: ServerFacts,
  options: CommandOptions,
  task: Task,
): Promise<void> {
  const { session, lease } = facts;
  const { deploymentId, version, secrets } = options;
  const lastLines: string[] = [];
  await session.call(async ({ api }) => {
    const events = await api.run_release_command.mutate(
      {
        deploymentId,
        token: lease.token,
        version,
        ...(secrets === undefined ? {} : { secrets: { ...secrets } }),
      },
      {
        signal: withDeadline(AbortSignal.any([options.signal, lease.signal]), limits.releaseCommandTimeoutMs),
      },
    );
    for await (const event of events) {
      if (event.type === 'output') {
        lastLines.push(event.text);
        if (lastLines.length > limits.evidenceLinesMax) lastLines.shift();
        task.print(event.stream, event.text);
      } else if (event.exitCode === 0) return;
      else throw commandFailed(session.name, { ...options, ...event, lastLines });
    }
    throw streamCut(session.name, 'ran the release command');
  });
}

function commandFailed(
  server: string,
  facts: {
    command: string;
    exitCode: number | null;
    signal: unknown;
    timedOut: boolean;
    lastLines: readonly string[];
  },
): TakoError {
  const how = facts.timedOut
    ? 'did not end within its time'
    : facts.exitCode === null
      ? `was ended by ${String(facts.signal)}`
      : `exited with code ${facts.exitCode}`;
  return new TakoError(
    facts.timedOut ? 'RELEASE_COMMAND_TIMED_OUT' : 'RELEASE_COMMAND_FAILED',
    `the release command "${facts.command}" ${how} on ${server}; no rollout was started, the old version serves everywhere`,
    {
      hint: 'What the command changed before it failed stays changed. Fix it, and deploy again: tako deploy',
      details: { server, exitCode: facts.exitCode, lastLines: [...facts.lastLines] },
    },
  );
}
