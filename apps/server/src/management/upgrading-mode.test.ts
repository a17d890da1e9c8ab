import path from 'node:path';
import { openStore } from '@tako/store';
import { expect, test } from 'vitest';
import { upgradingTtlMs } from '../limits.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { UpgradingMode } from './upgrading-mode.ts';

test('one owner at a time, renewed by itself, refused to others, free after its time, and durable', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'state.sqlite3');
  let now = 1_000_000;
  const first = openStore({ file });
  const mode = new UpgradingMode(first.leases, () => now);
  expect(mode.refusal()).toBeNull();
  expect(mode.enter('anna@laptop-1')).toEqual({ owner: 'anna@laptop-1', expiresAt: now + upgradingTtlMs });
  expect(mode.refusal()?.code).toBe('SERVER_UPGRADING');
  expect(() => mode.enter('ben@laptop-2')).toThrow('anna@laptop-1 is upgrading');
  expect(() => mode.exit('ben@laptop-2')).toThrow('not ben@laptop-2');
  now += upgradingTtlMs - 1;
  mode.enter('anna@laptop-1');
  first.close();

  const second = openStore({ file });
  const later = new UpgradingMode(second.leases, () => now);
  expect(later.active).toBe(true);
  now += upgradingTtlMs + 1;
  expect(later.active).toBe(false);
  expect(later.enter('ben@laptop-2').owner).toBe('ben@laptop-2');
  later.exit('ben@laptop-2');
  later.exit('ben@laptop-2');
  expect(later.refusal()).toBeNull();
  second.close();
});
