// What a daemon does now and then, behind everything else: a backup of the state, unused runtimes, the self-signed
// certificate. A failure is logged and tried again the next day; nobody waits for it.
import path from 'node:path';
import { backupState } from '@tako/store';
import { previousTicketKeysMs, ticketKeysIntervalMs, upkeepIntervalMs } from '../limits.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { DaemonSpec } from './daemon-spec.ts';

type Chore = readonly [name: string, work: () => Promise<unknown>];

function chores(spec: DaemonSpec, { releaseSide, publishCertificates }: DaemonParts): Chore[] {
  const { dataDir } = spec.options;
  const file = path.join(dataDir, 'runtime-state.sqlite3');
  return [
    [
      'backup of the state',
      () => backupState({ file, backupDir: path.join(dataDir, 'backups'), nowMs: Date.now }),
    ],
    ['unused runtimes', async () => releaseSide.runtimes.sweep(await releaseSide.releases.toolsInUse())],
    [
      'self-signed certificate',
      async () => {
        if (await releaseSide.certificates.renewSelfSigned()) await publishCertificates();
      },
    ],
  ];
}

async function doChores(spec: DaemonSpec, parts: DaemonParts): Promise<void> {
  for (const [chore, work] of chores(spec, parts)) {
    try {
      await work();
    } catch (error) {
      spec.log.warn({ err: error, chore }, 'upkeep failed');
    }
  }
}

/** Daily from now on. The backup of a fresh start is the one that migrations make. */
export function startUpkeep(spec: DaemonSpec, parts: DaemonParts): Disposable {
  const daily = setInterval(() => void doChores(spec, parts), upkeepIntervalMs);
  const { publisher } = parts.planes;
  let forgetting: NodeJS.Timeout | undefined;
  const tickets = setInterval(() => {
    publisher.rotateTicketKeys();
    forgetting = setTimeout(() => publisher.forgetTicketKeys(), previousTicketKeysMs);
  }, ticketKeysIntervalMs);
  return {
    [Symbol.dispose]: () => {
      clearInterval(daily);
      clearInterval(tickets);
      clearTimeout(forgetting);
    },
  };
}
