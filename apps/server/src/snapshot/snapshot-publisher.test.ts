import type { ControlMessage, DeploymentView } from '@tako/proxy';
import { expect, test } from 'vitest';
import { SnapshotPublisher } from './snapshot-publisher.ts';

function view(id: string): DeploymentView {
  return {
    id,
    app: id,
    version: 'v1',
    routes: [`${id}.example.com`],
    policy: {
      httpsRedirect: true,
      hsts: false,
      bodyBytesMax: 1,
      requestsPerClientMax: 1,
      streamIdleMs: 0,
      affinity: 'off',
    },
    traffic: { kind: 'serving' },
    instances: [],
  };
}

function setup(living: number[]) {
  const sent: ControlMessage[] = [];
  const killed: number[] = [];
  const publisher = new SnapshotPublisher({
    send: (message) => sent.push(message),
    sendTo: (_id, message) => sent.push(message),
    living: () => living,
    kill: (id) => killed.push(id),
  });
  return { publisher, sent, killed };
}

test('each change is one delta on top of the version before', () => {
  const { publisher, sent } = setup([1]);
  const first = publisher.publish([view('a')]);
  const second = publisher.publish([], ['a']);
  expect(second).toBe(first + 1);
  expect(sent).toMatchObject([
    { type: 'delta', delta: { base: first - 1, version: first, deployments: [{ id: 'a' }] } },
    { type: 'delta', delta: { base: first, version: second, removed: ['a'] } },
  ]);
  expect(publisher.snapshot.deployments).toEqual([]);
});

test('a version is acknowledged when every living plane has it or a later one', async () => {
  const { publisher } = setup([1, 2]);
  const version = publisher.publish([view('a')]);
  let done = false;
  const wait = publisher.acknowledged(version).then(() => (done = true));
  publisher.acknowledge(1, version);
  await Promise.resolve();
  expect(done).toBe(false);
  publisher.acknowledge(2, version + 1);
  await wait;
  expect(done).toBe(true);
});

test('a plane that died is waited for no longer', async () => {
  const living = [1, 2];
  const { publisher } = setup(living);
  const version = publisher.publish([view('a')]);
  publisher.acknowledge(1, version);
  const wait = publisher.acknowledged(version);
  living.pop();
  publisher.forget(2);
  await wait;
});

test('with no plane at all nothing is waited for', async () => {
  const { publisher } = setup([]);
  await publisher.acknowledged(publisher.publish([view('a')]));
});

test('a plane that asks gets the whole snapshot', () => {
  const { publisher, sent } = setup([1]);
  publisher.publish([view('a'), view('b')]);
  publisher.resync(1);
  expect(sent.at(-1)).toMatchObject({
    type: 'snapshot',
    snapshot: { version: publisher.version, deployments: [{ id: 'a' }, { id: 'b' }] },
  });
});

test('ticket keys stand in every snapshot and change as a delta of their own, with those before for a while', () => {
  const { publisher, sent } = setup([1]);
  const before = publisher.snapshot.ticketKeys;
  expect(Buffer.from(before ?? '', 'base64')).toHaveLength(48);
  publisher.rotateTicketKeys();
  expect(publisher.snapshot.ticketKeys).not.toBe(before);
  expect(sent.at(-1)).toMatchObject({
    type: 'delta',
    delta: { ticketKeys: publisher.snapshot.ticketKeys, previousTicketKeys: before, deployments: [] },
  });
  expect(publisher.snapshot.previousTicketKeys).toBe(before);
  publisher.forgetTicketKeys();
  expect(publisher.snapshot.previousTicketKeys).toBeUndefined();
  expect(sent.at(-1)).toMatchObject({ delta: { ticketKeys: publisher.snapshot.ticketKeys } });
  expect(JSON.stringify(sent.at(-1))).not.toContain(before);
});
