// `tako-server upgrade`: the command line of an upgrade, its words for people and, with --json, for programs. What it does
// is upgrade-server.ts's.
import { hostname, userInfo } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { TakoError, isTakoError } from '@tako/config';
import { exitCodeOf } from '@tako/protocol/errors';
import { duration } from '../options/option-values.ts';
import { resolveOptions } from '../options/options.ts';
import { readServerToml } from '../options/server-toml.ts';
import type { Environment } from '../process-environment.ts';
import { openBuildsFolder } from './builds-folder.ts';
import { upgradeLimits } from './limits.ts';
import { createRunningServer } from './running-server.ts';
import { upgradeServer } from './upgrade-server.ts';
import type { UpgradeEvent, UpgradeOutcome, UpgradeStep, UpgradeTarget } from './upgrade.types.ts';

export interface UpgradeCommand {
  /** After `upgrade`. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  readonly write: (text: string) => void;
  /** Aborting puts everything back. */
  readonly signal: AbortSignal;
}

const help = `tako-server upgrade: takes this host's server to another version, without a lost request

usage: tako-server upgrade BUILD.tar.gz --sha256 HEX     a build that was copied to this host
       tako-server upgrade --to VERSION                  one that is here already: also the way back

  --sha256 HEX        of the file, in lower-case hex
  --to VERSION        ls shows them in the folder of the builds
  --socket PATH       management socket of the running server
  --data-dir PATH     its data directory
  --builds DIR        folder of the builds [<data-dir>/server]
  --timeout DURATION  apps that were healthy must be again within it [${upgradeLimits.healthyTimeoutMs / 1000}s]
  --json              one JSON line an event

A failure at any step puts the version before back; so does the next upgrade after one that was killed.
`;

const doing: Readonly<Record<UpgradeStep, (from: string, to: string) => string>> = {
  enter: (from, to) => `upgrading ${from} to ${to}: changes to apps are refused meanwhile`,
  unpack: (_from, to) => `unpacking ${to}`,
  switch: (_from, to) => `moving the link current to ${to}`,
  reload: (from, to) => `${from} hands over to ${to}`,
  healthy: () => 'waiting for every app to be healthy',
  leave: () => 'every app is healthy',
};

function sentence(event: UpgradeEvent): string {
  if (event.type === 'step') return doing[event.step](event.from, event.to);
  if (event.type === 'puttingBack') return `putting ${event.version} back: ${event.reason}`;
  return event.how === 'finished'
    ? `an upgrade to ${event.version} that was killed is finished now`
    : `an upgrade that was killed is undone: ${event.version} serves`;
}

function lastSentence(outcome: UpgradeOutcome): string {
  return outcome.kind === 'nothingToDo'
    ? `version ${outcome.version} runs already: nothing to do`
    : `version ${outcome.to} serves as process ${outcome.pid}`;
}

interface Parsed {
  readonly target: UpgradeTarget;
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
}

function usage(message: string, cause?: unknown): TakoError {
  return new TakoError('OPTION_INVALID', message, {
    hint: 'tako-server upgrade --help shows the usage',
    cause,
  });
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        sha256: { type: 'string' },
        to: { type: 'string' },
        socket: { type: 'string' },
        'data-dir': { type: 'string' },
        builds: { type: 'string' },
        timeout: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function targetOf(
  positionals: readonly string[],
  sha256: string | undefined,
  to: string | undefined,
): UpgradeTarget {
  const [file, ...more] = positionals;
  if (more.length > 0 || (file === undefined) === (to === undefined))
    throw usage('an upgrade needs a build and its --sha256, or --to and a version, and not both');
  if (file === undefined) return { kind: 'version', version: to ?? '' };
  if (!/^[0-9a-f]{64}$/.test(sha256 ?? ''))
    throw usage('--sha256 is missing or not 64 digits of lower-case hex: sha256sum tells it');
  return { kind: 'archive', file: path.resolve(file), sha256: sha256 ?? '' };
}

/** null: help was asked for. Throws OPTION_INVALID. */
function parse(argv: readonly string[]): Parsed | null {
  const { values, positionals } = read(argv);
  if (values.help === true) return null;
  const { json, help: _help, sha256, to, ...texts } = values;
  return { target: targetOf(positionals, sha256, to), values: texts, json: json === true };
}

/** `upgrade:tako@web1:812`, in the letters of a lease's owner: shown to whoever is refused meanwhile. */
function ownerText(): string {
  return `upgrade:${userInfo().username}@${hostname()}:${process.pid}`
    .replaceAll(/[^A-Za-z0-9._:@-]/g, '-')
    .slice(0, 128);
}

async function upgrade(command: UpgradeCommand, { target, values, json }: Parsed): Promise<UpgradeOutcome> {
  const { environment, signal, write } = command;
  const line = { values, check: false, help: false, version: false };
  const { dataDir } = resolveOptions(line, environment, {});
  const { socket } = resolveOptions(line, environment, await readServerToml(dataDir));
  const owner = ownerText();
  const host = {
    builds: openBuildsFolder(path.resolve(values['builds'] ?? path.join(dataDir, 'server'))),
    server: createRunningServer(socket, owner),
  };
  const { timeout } = values;
  return upgradeServer(host, {
    target,
    owner,
    healthyTimeoutMs: timeout === undefined ? upgradeLimits.healthyTimeoutMs : duration(timeout, '--timeout'),
    onEvent: (event) => write(json ? `${JSON.stringify(event)}\n` : `tako-server: ${sentence(event)}\n`),
    signal,
  });
}

/** Resolves to the exit code. Throws what went wrong; with --json that is a line, too. */
export async function runUpgradeCommand(command: UpgradeCommand): Promise<number> {
  const parsed = parse(command.argv);
  if (parsed === null) {
    command.write(help);
    return 0;
  }
  try {
    const outcome = await upgrade(command, parsed);
    const { kind, ...facts } = outcome;
    command.write(
      parsed.json
        ? `${JSON.stringify({ type: kind, ...facts })}\n`
        : `tako-server: ${lastSentence(outcome)}\n`,
    );
    return 0;
  } catch (error) {
    if (!parsed.json || !isTakoError(error)) throw error;
    const { code, message, hint, details } = error;
    command.write(`${JSON.stringify({ type: 'failed', code, message, hint, details })}\n`);
    return exitCodeOf(error);
  }
}
