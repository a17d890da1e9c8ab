// Everything an operator does to an app, under the whole load of spec 90, without a single failure.
import { expect, test } from 'vitest';
import type { Report } from '../load/tally.ts';
import { countsTable } from './counts-table.ts';
import {
  CLIENTS,
  CLIENTS_TOTAL,
  type Crowd,
  LARGE_UPLOADS,
  LARGE_UPLOAD_BYTES,
  SMALL_REQUESTS_MIN,
  smallRequests,
  startCrowd,
  startLargeUploads,
} from './crowd.ts';
import { eventually } from './eventually.ts';
import { type Change, type Stage, openStage, quickRollout } from './stage.ts';

/** One of them by the command, two around the large uploads. */
const DEPLOYS = 20;
const ROLLBACKS = 10;
/** Time for five uploads of 50 MB beside everything else, on two busy cores. */
const patientRollout = { ...quickRollout, drainTimeout: 10 };

interface Story {
  readonly stage: Stage;
  readonly crowd: Crowd;
  readonly changes: Change[];
  /** Makes one change and checks that nothing has failed so far. */
  make(change: Promise<Change>): Promise<Change>;
}

test(
  '20 deploys, 10 rollbacks, scale 1→4→1, five uploads of 50 MB, a secret change and a restart lose no request',
  { timeout: 600_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    const first = await stage.ship();
    await using crowd = startCrowd(stage.url);
    const story = createStory(stage, crowd);

    const second = await stage.ship();
    expect(crowd.report().failures, 'failures through tako deploy').toEqual([]);
    for (let count = 2; count <= DEPLOYS - 2; count += 1)
      await story.make(stage.deploy(count % 2 === 0 ? first : second));
    for (let count = 1; count <= ROLLBACKS; count += 1) await story.make(stage.rollback());
    for (const instances of [1, 4, 1]) await story.make(stage.scale(instances));
    const uploads = await uploadThroughADeploy(story, first);
    await story.make(stage.updateSecrets({ GREETING: 'hello' }));
    await story.make(stage.restart());

    await untilSmallRequests(crowd, SMALL_REQUESTS_MIN);
    const report = await crowd.stop();
    console.log(
      [
        countsTable(`${CLIENTS_TOTAL} clients through all changes`, report),
        countsTable('large uploads through a deploy', uploads),
        changesText(story.changes),
      ].join('\n\n'),
    );
    expectWholeLoad(report);
    expect(report).toMatchObject({ failed: 0, reasons: {} });
    expect(uploads).toMatchObject({ sent: LARGE_UPLOADS, ok: LARGE_UPLOADS, failed: 0 });
    await expectNothingInFlight(stage);
  },
);

function createStory(stage: Stage, crowd: Crowd): Story {
  const changes: Change[] = [];
  return {
    stage,
    crowd,
    changes,
    make: async (made) => {
      const change = await made;
      changes.push(change);
      const what = `${change.what}, change ${changes.length}`;
      expect(crowd.report().failures, `failures through ${what}`).toEqual([]);
      expect(change.end, `connections cut by ${what}`).toMatchObject({ cutConnections: 0 });
      return change;
    },
  };
}

/** A release that may take its time to drain is replaced while the uploads to it are under way. */
async function uploadThroughADeploy(story: Story, next: string): Promise<Report> {
  const { stage } = story;
  await stage.ship(patientRollout);
  const uploads = startLargeUploads(stage.url).then((report) => ({ report, endedAt: Date.now() }));
  const { events } = await story.make(stage.deploy(next));
  const { report, endedAt } = await uploads;
  const serving = events.find((event) => event.type === 'step' && event.state === 'serving');
  expect(serving, 'the new instance served before the uploads had ended').toMatchObject({
    at: expect.toSatisfy((at: number) => at < endedAt) as number,
  });
  return report;
}

async function untilSmallRequests(crowd: Crowd, count: number): Promise<void> {
  await eventually(`${count} small requests`, 120_000, () =>
    smallRequests(crowd.report()) >= count ? true : null,
  );
}

/** The load was as large as spec 90 asks for, and the changes reached its streams. */
function expectWholeLoad(report: Report): void {
  expect(CLIENTS_TOTAL).toBeGreaterThanOrEqual(64);
  expect(smallRequests(report)).toBeGreaterThanOrEqual(SMALL_REQUESTS_MIN);
  expect(report.byKind.webSocket?.told).toBeGreaterThan(CLIENTS.webSocket);
  expect(report.byKind.eventStream?.told).toBeGreaterThan(CLIENTS.eventStream);
  expect(report.byKind.upload?.ok).toBeGreaterThan(CLIENTS.upload);
  expect(report.byKind.download?.ok).toBeGreaterThan(CLIENTS.download);
  expect(LARGE_UPLOAD_BYTES).toBe(52_428_800);
  expect(Object.keys(report.versions).length).toBeGreaterThanOrEqual(3);
}

async function expectNothingInFlight(stage: Stage): Promise<void> {
  await eventually('nothing in flight', 5000, async () => {
    const { deployments } = await stage.server.client.api.status.query({});
    return deployments.every(({ inFlight }) => inFlight === 0) ? true : null;
  });
}

function changesText(changes: readonly Change[]): string {
  const lines = changes.map(({ what, end }) => {
    const { durationMs, endedStreams, cutConnections } = end;
    return `  ${what}: ${(durationMs / 1000).toFixed(1)} s, ${endedStreams} streams told, ${cutConnections} cut`;
  });
  return ['changes made through the typed client', ...lines].join('\n');
}
