// An app that speaks HTTP/2 in clear text, deployed, changed, and turned into one that speaks HTTP/1.1 and back, under
// the load of clients of both, without a single failure.
import { expect, test } from 'vitest';
import { countsTable } from './counts-table.ts';
import { CLIENTS, smallRequests, startCrowd } from './crowd.ts';
import { eventually } from './eventually.ts';
import { type Change, openStage, quickRollout } from './stage.ts';

/** Such an app takes no WebSockets. */
const { webSocket: _none, ...clients } = { ...CLIENTS, http2: 20 };
const REQUESTS_BETWEEN = 300;

test(
  'deploys, rollbacks, scaling and a change of protocol lose no request',
  { timeout: 300_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    const first = await stage.ship(quickRollout, 'h2c');
    await using crowd = startCrowd(stage.url, { clients });
    const second = await stage.ship(quickRollout, 'h2c');
    const http1 = await stage.ship(quickRollout, 'http1');
    expect(crowd.report().failures, 'failures through tako deploy').toEqual([]);

    const changes: Change[] = [];
    const make = async (change: Promise<Change>): Promise<void> => {
      changes.push(await change);
      const what = `${changes.at(-1)?.what}, change ${changes.length}`;
      expect(crowd.report().failures, `failures through ${what}`).toEqual([]);
      const before = smallRequests(crowd.report());
      await eventually(`${REQUESTS_BETWEEN} more requests`, 60_000, () =>
        smallRequests(crowd.report()) >= before + REQUESTS_BETWEEN ? true : null,
      );
    };
    for (const version of [first, second, http1, first, http1]) await make(stage.deploy(version));
    await make(stage.rollback());
    for (const instances of [1, 3]) await make(stage.scale(instances));
    await make(stage.restart());

    const report = await crowd.stop();
    console.log(countsTable('an app of HTTP/2 through its changes', report));
    expect(report).toMatchObject({ failed: 0, reasons: {} });
    expect(report.byKind.http2?.ok).toBeGreaterThan(REQUESTS_BETWEEN);
    expect(changes.map(({ end }) => end.cutConnections)).toEqual(changes.map(() => 0));
  },
);
