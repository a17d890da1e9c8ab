// What an upgrade writes down before it changes anything, so that the next one can finish or revert it when it is
// killed. The file is also what keeps two upgrades on one host apart; it knows nothing of their steps.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { identifyProcess, isAlive } from '@tako/supervisor';
import { z } from 'zod';
import { createWholeFile, readTextIfThere, replaceFile, syncDirectory } from '../files/durable-file.ts';

const recordSchema = z.object({
  /** Of the upgrading lease. */
  owner: z.string().min(1),
  from: z.string().min(1),
  to: z.string().min(1),
  /** Deployments that had all their instances healthy before; they must again after. */
  healthyBefore: z.array(z.string()),
  pid: z.number().int().min(1),
  startTimeTicks: z.number().int().nonnegative(),
  bootId: z.string(),
});

export type UpgradeRecord = z.infer<typeof recordSchema>;

const fileOf = (builds: string): string => path.join(builds, '.upgrade.json');

function ownIdentity(): Pick<UpgradeRecord, 'pid' | 'startTimeTicks' | 'bootId'> {
  const own = identifyProcess(process.pid);
  if (own === null) throw new TakoError('INTERNAL', 'cannot read /proc/self/stat: is /proc mounted?');
  return own;
}

/** The record of an upgrade that was killed; null when there is none. Throws UPGRADING_LEASE_HELD when it still runs. */
export async function readUpgradeRecord(builds: string): Promise<UpgradeRecord | null> {
  const text = await readTextIfThere(fileOf(builds));
  if (text === null) return null;
  const parsed = recordSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    throw new TakoError('UPGRADE_FAILED', `${fileOf(builds)} is not the record of an upgrade`, {
      hint: `look at what ${builds}/current points to, remove the file, then try again`,
      details: { file: fileOf(builds) },
    });
  }
  if (parsed.data.pid !== process.pid && isAlive(parsed.data)) {
    throw new TakoError(
      'UPGRADING_LEASE_HELD',
      `process ${parsed.data.pid} is upgrading this server to ${parsed.data.to}`,
      { hint: 'wait for it', details: { owner: parsed.data.owner, pid: parsed.data.pid } },
    );
  }
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Cut short by hand: written whole or not at all by us.
    return null;
  }
}

/** Throws UPGRADING_LEASE_HELD when another one was quicker. */
export async function beginUpgradeRecord(
  builds: string,
  facts: Omit<UpgradeRecord, 'pid' | 'startTimeTicks' | 'bootId'>,
): Promise<UpgradeRecord> {
  const record: UpgradeRecord = { ...facts, ...ownIdentity() };
  if (!(await createWholeFile(fileOf(builds), JSON.stringify(record), 0o644)))
    throw new TakoError('UPGRADING_LEASE_HELD', 'another upgrade of this server has just begun', {
      hint: 'wait for it',
    });
  return record;
}

/** A killed upgrade's record is this process's from now on: nobody else recovers it meanwhile. */
export async function claimUpgradeRecord(builds: string, record: UpgradeRecord): Promise<UpgradeRecord> {
  const own = { ...record, ...ownIdentity() };
  await replaceFile(fileOf(builds), JSON.stringify(own), 0o644);
  return own;
}

export async function endUpgradeRecord(builds: string): Promise<void> {
  await rm(fileOf(builds), { force: true });
  await syncDirectory(builds);
}
