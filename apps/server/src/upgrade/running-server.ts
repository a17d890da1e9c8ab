// The daemon that runs now, as an upgrade sees it: who it is, what it is told, when another one has taken over. Each call
// connects anew, since the daemon that answers changes meanwhile.
import { readFile } from 'node:fs/promises';
import { TakoError, isTakoError } from '@tako/config';
import type { DeploymentStatus, ServerIdentity, ServerStatus } from '@tako/protocol';
import { connect } from '@tako/protocol/client';
import type { ManagementClient } from '@tako/protocol/client';
import { pause } from '../timing.ts';
import { upgradeLimits } from './limits.ts';

export interface RunningServer {
  /** Waits for a server that is being restarted. Throws SERVER_UNREACHABLE. */
  info(signal: AbortSignal): Promise<ServerIdentity>;
  /** Deployments that have every instance they want, healthy. */
  healthyApps(signal: AbortSignal): Promise<ReadonlySet<string>>;
  enterUpgrading(owner: string, signal: AbortSignal): Promise<void>;
  exitUpgrading(owner: string, signal: AbortSignal): Promise<void>;
  /** SIGHUP; resolves to the daemon of that version. Throws UPGRADE_FAILED with what the old one says, TIMED_OUT. */
  reload(before: ServerIdentity, version: string, signal: AbortSignal): Promise<ServerIdentity>;
}

/** Idle and stopped ones want none. */
function isHealthy(deployment: DeploymentStatus): boolean {
  const current = deployment.builds.find((build) => build.current);
  const healthy = current?.instances.filter((instance) => instance.state === 'healthy').length ?? 0;
  return deployment.mode === 'stopped' || healthy >= deployment.instancesWanted;
}

/** The path of the link `current` must lead to the program: else moving it changes nothing. Throws UPGRADE_FAILED. */
export async function assertStartedThrough(link: string, pid: number): Promise<void> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const script = line.split('\0').find((argument) => argument.endsWith('/main.js')) ?? '';
  if (script.startsWith(`${link}/`)) return;
  throw new TakoError(
    'UPGRADE_FAILED',
    `the running server was not started through ${link}${script === '' ? '' : ` but as ${script}`}`,
    {
      hint: 'name the folder of its builds with --builds, or restart it from there',
      details: { pid, link },
    },
  );
}

/** SERVER_BUSY: it has let go, and its successor is not there yet. */
const beingReplaced: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'CONNECTION_LOST', 'SERVER_BUSY']);

/** The first answer that is one; errors of a connection are those of a server that is being replaced. */
async function retried<T>(signal: AbortSignal, deadlineMs: number, ask: () => Promise<T>): Promise<T> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const passing = isTakoError(error) && beingReplaced.has(error.code);
      if (!passing || performance.now() > until) throw error;
    }
    await pause(upgradeLimits.pollIntervalMs, signal);
  }
}

class Server implements RunningServer {
  readonly #socketPath: string;
  readonly #caller: string;

  constructor(socketPath: string, caller: string) {
    this.#socketPath = socketPath;
    this.#caller = caller;
  }

  info(signal: AbortSignal): Promise<ServerIdentity> {
    return this.#ask(signal, (client) => client.api.server_info.query(undefined, { signal }));
  }

  async healthyApps(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { deployments }: ServerStatus = await this.#ask(signal, (client) =>
      client.api.status.query({}, { signal }),
    );
    return new Set(deployments.filter(isHealthy).map(({ deploymentId }) => deploymentId));
  }

  async enterUpgrading(owner: string, signal: AbortSignal): Promise<void> {
    await this.#ask(signal, (client) => client.api.enter_upgrading.mutate({ owner }, { signal }));
  }

  async exitUpgrading(owner: string, signal: AbortSignal): Promise<void> {
    await this.#ask(signal, (client) => client.api.exit_upgrading.mutate({ owner }, { signal }));
  }

  async reload(before: ServerIdentity, version: string, signal: AbortSignal): Promise<ServerIdentity> {
    process.kill(before.pid, 'SIGHUP');
    const until = performance.now() + upgradeLimits.handoffTimeoutMs;
    for (;;) {
      const now = await this.info(signal);
      // Another process that says the other version: a socket that answers proves nothing (it may be the old one's).
      if (now.pid !== before.pid && now.version === version) return now;
      if (now.pid !== before.pid)
        throw this.#notThere(version, `process ${now.pid} of version ${now.version} answers`);
      if (now.lastReload?.ok === false && now.lastReload.at !== before.lastReload?.at)
        throw this.#notThere(version, now.lastReload.reason ?? 'the reload failed');
      if (performance.now() > until)
        throw new TakoError(
          'TIMED_OUT',
          `version ${version} did not take over within ${upgradeLimits.handoffTimeoutMs / 1000} s`,
          {
            hint: 'the log of tako-server says what it waits for (journalctl -u tako-server)',
          },
        );
      await pause(upgradeLimits.pollIntervalMs, signal);
      signal.throwIfAborted();
    }
  }

  #notThere(version: string, reason: string): TakoError {
    return new TakoError('UPGRADE_FAILED', `version ${version} did not take over: ${reason}`, {
      hint: 'its own words are in the log of tako-server (journalctl -u tako-server)',
      details: { version, reason },
    });
  }

  #ask<T>(signal: AbortSignal, call: (client: ManagementClient) => Promise<T>): Promise<T> {
    return retried(signal, upgradeLimits.connectTimeoutMs, async () => {
      await using client = await connect({
        socketPath: this.#socketPath,
        caller: this.#caller,
        answerTimeoutMs: upgradeLimits.answerTimeoutMs,
        signal,
      });
      return await call(client);
    });
  }
}

export function createRunningServer(socketPath: string, caller: string): RunningServer {
  return new Server(socketPath, caller);
}
