// The way back of an upgrade: the link to the version before, that version serving again, upgrading mode left. Used when
// a step fails and when the record of a killed upgrade is found.
import { TakoError, isTakoError } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { errorMessage } from '../files/durable-file.ts';
import { pause } from '../timing.ts';
import type { BuildsFolder } from './builds-folder.ts';
import { upgradeLimits } from './limits.ts';
import type { RunningServer } from './running-server.ts';
import { endUpgradeRecord } from './upgrade-record.ts';
import type { UpgradeRecord } from './upgrade-record.ts';

export interface UpgradeHost {
  readonly builds: BuildsFolder;
  readonly server: RunningServer;
}

/** What the way back may not be ended by: the signal that made it necessary. */
const neverAborted = new AbortController().signal;

/**
 * A reload that nobody saw the end of may still bring the new version: the next one, told now, follows it and goes
 * through the link that was put back.
 */
async function outlastReload(server: RunningServer, before: ServerIdentity, version: string): Promise<void> {
  const toldAt = Date.now();
  process.kill(before.pid, 'SIGHUP');
  const until = performance.now() + upgradeLimits.handoffTimeoutMs;
  while (performance.now() < until) {
    const now = await server.info(neverAborted);
    if (now.version === version && (now.lastReload?.at ?? 0) >= toldAt) return;
    await pause(upgradeLimits.pollIntervalMs, neverAborted);
  }
  throw new TakoError('TIMED_OUT', 'the reload that was under way did not end', {
    hint: 'its log says what it waits for',
  });
}

async function serveAgain(host: UpgradeHost, version: string, reloadPending: boolean): Promise<void> {
  await host.builds.switchTo(version);
  const now = await host.server.info(neverAborted);
  if (reloadPending) return outlastReload(host.server, now, version);
  if (now.version !== version) await host.server.reload(now, version, neverAborted);
}

/** Throws UPGRADE_NOT_PUT_BACK; then the record stays, and the next upgrade tries again. */
export async function putBack(
  host: UpgradeHost,
  record: UpgradeRecord,
  how: { reason: unknown; reloadPending: boolean },
): Promise<void> {
  try {
    await serveAgain(host, record.from, how.reloadPending);
    await leaveUpgrading(host, record.owner);
  } catch (cause) {
    throw new TakoError(
      'UPGRADE_NOT_PUT_BACK',
      `the upgrade to ${record.to} failed (${errorMessage(how.reason)}), and version ${record.from} could not be put back: ${errorMessage(cause)}`,
      {
        hint: `mend what it names, then run the upgrade again: it begins by putting ${record.from} back`,
        details: { from: record.from, to: record.to },
        cause,
      },
    );
  }
  await endUpgradeRecord(host.builds.directory);
}

/** The lease of a killed upgrade may have expired and be somebody else's by now: then there is nothing to leave. */
async function leaveUpgrading({ server }: UpgradeHost, owner: string): Promise<void> {
  try {
    await server.exitUpgrading(owner, neverAborted);
  } catch (error) {
    if (!isTakoError(error) || error.code !== 'UPGRADING_LEASE_HELD') throw error;
  }
}
