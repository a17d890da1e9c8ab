// The check of the check: the same load through the same change, with the drain switched off, must show failures.
// Otherwise a zero in changes.test.ts would say nothing.
import { expect, test } from 'vitest';
import { countsTable } from './counts-table.ts';
import { CLIENTS, smallRequests, startCrowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { type Change, openStage, quickRollout } from './stage.ts';

const withoutDrain = { ...quickRollout, drainTimeout: 0, stopGrace: 0 };
/** Each replaces two instances; at any moment an upload is under way on one of them. */
const DEPLOYS = 4;
const REQUESTS_BEFORE = 1000;

test('deploys without a drain fail requests, and the generator sees it', { timeout: 180_000 }, async () => {
  await using stage = await openStage({ instances: 2 });
  const first = await stage.ship(withoutDrain);
  const second = await stage.ship(withoutDrain);
  await using crowd = startCrowd(stage.url);
  await eventually(`${REQUESTS_BEFORE} small requests`, 60_000, () =>
    smallRequests(crowd.report()) >= REQUESTS_BEFORE ? true : null,
  );
  expect(crowd.report().failures).toEqual([]);

  const changes: Change[] = [];
  for (let count = 0; count < DEPLOYS; count += 1)
    changes.push(await stage.deploy(count % 2 === 0 ? first : second));
  const report = await crowd.stop();
  console.log(countsTable(`${DEPLOYS} deploys with the drain switched off`, report));
  expect(report.failed).toBeGreaterThan(0);
  const cut = changes.reduce((sum, { end }) => sum + end.cutConnections, 0);
  expect(cut, 'the server says itself that it cut connections').toBeGreaterThan(0);
  expect(report.failed).toBeLessThan(report.sent);
  expect(report.byKind.webSocket?.sent).toBeGreaterThan(CLIENTS.webSocket);
});
