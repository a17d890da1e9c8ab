import type { ControlMessage } from '@tako/proxy';
import { expect, test } from 'vitest';
import { Drainer } from './drainer.ts';

function setup(living: readonly number[]) {
  const sent: ControlMessage[] = [];
  return { sent, drainer: new Drainer({ send: (message) => sent.push(message), living: () => living }) };
}

test('a drain ends when every plane has said so, and adds their counts up', async () => {
  const { drainer, sent } = setup([1, 2]);
  const drain = drainer.drain('i1', 1000);
  expect(sent).toEqual([{ type: 'drain', instance: 'i1', deadlineMs: 1000 }]);
  drainer.drained(1, { instance: 'i1', endedStreams: 2, cutConnections: 0 });
  drainer.drained(1, { instance: 'i1', endedStreams: 2, cutConnections: 0 });
  drainer.drained(2, { instance: 'i1', endedStreams: 1, cutConnections: 3 });
  await expect(drain).resolves.toMatchObject({ endedStreams: 3, cutConnections: 3 });
});

test('a plane that died counts as drained', async () => {
  const { drainer } = setup([1, 2]);
  const drain = drainer.drain('i1', 60_000);
  drainer.drained(1, { instance: 'i1', endedStreams: 0, cutConnections: 0 });
  drainer.forget(2);
  await expect(drain).resolves.toMatchObject({ endedStreams: 0 });
});

test('answers about another instance do not end it', async () => {
  const { drainer } = setup([1]);
  const drain = drainer.drain('i1', 60_000);
  drainer.drained(1, { instance: 'i2', endedStreams: 9, cutConnections: 9 });
  drainer.drained(1, { instance: 'i1', endedStreams: 0, cutConnections: 0 });
  await expect(drain).resolves.toMatchObject({ endedStreams: 0, cutConnections: 0 });
});

test('without planes there is nothing to drain', async () => {
  await expect(setup([]).drainer.drain('i1', 60_000)).resolves.toMatchObject({ endedStreams: 0 });
});
