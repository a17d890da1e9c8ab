import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WorkerMessage } from '../control/messages.ts';
import { deploymentOf } from '../conformance/test-plane.ts';
import { Deployment } from '../serving/deployment.ts';
import { Instance } from '../serving/instance.ts';
import { createSystemClock } from '../timing/clock.ts';
import { ActivityLedger } from './activity-ledger.ts';
import { ClientSlots } from './client-slots.ts';
import { DrainRegister } from './drain-register.ts';
import type { InFlightRequest } from './in-flight-request.ts';
import { RequestGuard } from './request-guard.ts';

function setUp(): {
  clients: ClientSlots;
  activity: ActivityLedger;
  drains: DrainRegister;
  deployment: Deployment;
  instances: Instance[];
  messages: WorkerMessage[];
} {
  const messages: WorkerMessage[] = [];
  const clock = createSystemClock();
  const send = (message: WorkerMessage): void => void messages.push(message);
  return {
    clients: new ClientSlots(),
    activity: new ActivityLedger({ clock, intervalMs: 10_000, send }),
    drains: new DrainRegister({ clock, politeEndMs: 10, send }),
    deployment: new Deployment(deploymentOf({})),
    instances: ['a', 'b'].map(
      (id) => new Instance({ id, version: 'v', host: 'h', port: 1, rotation: 'healthy' }),
    ),
    messages,
  };
}

const request = (): InFlightRequest => ({
  isStream: () => false,
  endPolitely: () => undefined,
  cut: () => undefined,
});

describe('a request guard', () => {
  test('leaves nothing behind, in whatever order and however often it is told', () => {
    const step = fc.constantFrom('hold a', 'hold b', 'leave', 'release');
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 6 }), (requests) => {
        const { deployment, instances, ...keepers } = setUp();
        const guards = requests.map((steps) => {
          const guard = RequestGuard.acquire(keepers, { deployment, client: '192.0.2.1', perClientMax: 100 });
          for (const each of steps) {
            if (each === 'release') guard?.release();
            else if (each === 'leave') guard?.leaveInstance();
            else guard?.hold(instances[each === 'hold a' ? 0 : 1] ?? fail(), request());
          }
          return guard;
        });
        for (const guard of guards) guard?.release();
        expect(deployment.counts).toMatchObject({ inFlight: 0, ended: requests.length });
        expect(instances.map((instance) => instance.inFlight.size)).toEqual([0, 0]);
        expect([keepers.clients.clients, keepers.activity.inFlight]).toEqual([0, 0]);
        keepers.activity.close();
      }),
    );
  });

  test('takes nothing where the client holds its share already', () => {
    const { deployment, ...keepers } = setUp();
    const input = { deployment, client: '192.0.2.1', perClientMax: 1 };
    const first = RequestGuard.acquire(keepers, input);
    expect(RequestGuard.acquire(keepers, input)).toBeNull();
    expect(RequestGuard.acquire(keepers, { ...input, client: '192.0.2.2' })).not.toBeNull();
    expect(deployment.counts.inFlight).toBe(2);
    first?.release();
    expect(RequestGuard.acquire(keepers, input)).not.toBeNull();
    keepers.activity.close();
  });
});

describe('a drain', () => {
  test('takes the set once: a request that comes later does not hold it up', () => {
    const { deployment, instances, messages, ...keepers } = setUp();
    const [instance] = instances;
    if (instance === undefined) fail();
    const acquire = (): RequestGuard | null =>
      RequestGuard.acquire(keepers, { deployment, client: 'c', perClientMax: 9 });
    const before = acquire();
    before?.hold(instance, request());
    keepers.drains.drain(instance, 10_000);
    const after = acquire();
    after?.hold(instance, request());
    before?.leaveInstance();
    expect(messages).toEqual([{ type: 'drained', instance: 'a', endedStreams: 0, cutConnections: 0 }]);
    after?.release();
    before?.release();
    expect(messages).toHaveLength(1);
    keepers.activity.close();
  });

  test('told again, it may only end sooner; it says drained once', async () => {
    const { deployment, instances, messages, ...keepers } = setUp();
    const [instance] = instances;
    if (instance === undefined) fail();
    const guard = RequestGuard.acquire(keepers, { deployment, client: 'c', perClientMax: 9 });
    const cut = new Promise<void>((resolve) => {
      guard?.hold(instance, { ...request(), cut: () => resolve(guard.release()) });
    });
    keepers.drains.drain(instance, 60_000);
    keepers.drains.drain(instance, 120_000);
    keepers.drains.drain(instance, 10);
    await cut;
    expect(messages).toEqual([{ type: 'drained', instance: 'a', endedStreams: 0, cutConnections: 1 }]);
    keepers.activity.close();
  });

  test('answers even where a request does not react to being cut', async () => {
    const { instances, messages, drains } = setUp();
    const [instance] = instances;
    if (instance === undefined) fail();
    const cuts: string[] = [];
    const deaf = (name: string, stream: boolean): InFlightRequest => ({
      isStream: () => stream,
      endPolitely: () => cuts.push(`${name} told`),
      cut: () => cuts.push(`${name} cut`),
    });
    instance.inFlight.add(deaf('stream', true));
    instance.inFlight.add(deaf('plain', false));
    drains.drain(instance, 5);
    while (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(messages).toEqual([{ type: 'drained', instance: 'a', endedStreams: 0, cutConnections: 2 }]);
    expect(cuts).toEqual(['stream told', 'plain cut', 'stream cut', 'plain cut']);
  });
});

function fail(): never {
  throw new Error('The test is wrong');
}
