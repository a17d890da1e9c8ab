import type { DeploymentRecord, InstanceRecord } from '@tako/store';
import { expect, test } from 'vitest';
import { planAdoption } from './adoption-plan.ts';

function deployment(change: Partial<DeploymentRecord>): DeploymentRecord {
  return {
    id: 'web',
    app: 'web',
    env: 'production',
    currentVersion: 'v1',
    previousVersion: null,
    instancesWanted: 1,
    stopped: false,
    maintenance: false,
    routes: [],
    secretsDigest: '',
    secretNames: [],
    lastError: null,
    createdAt: 0,
    updatedAt: 0,
    ...change,
  };
}

function instance(id: string, change: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    id,
    deploymentId: 'web',
    version: 'v1',
    pid: 2,
    startTimeTicks: 1,
    bootId: 'b',
    port: 4000,
    runDir: '/run/x',
    startedAt: 1,
    ...change,
  };
}

function ids(records: readonly InstanceRecord[]): string[] {
  return records.map((record) => record.id);
}

test('as many as are wanted are adopted, those of the current release first', () => {
  const alive = [instance('new', { version: 'v2' }), instance('b', { startedAt: 2 }), instance('a')];
  const plan = planAdoption(deployment({ instancesWanted: 2 }), alive);
  expect(ids(plan.adopt)).toEqual(['a', 'b']);
  expect(ids(plan.stop)).toEqual(['new']);
});

test('a slot that a rollout had already swapped is adopted with its new build', () => {
  const plan = planAdoption(deployment({ instancesWanted: 2 }), [
    instance('a'),
    instance('new', { version: 'v2' }),
  ]);
  expect(ids(plan.adopt)).toEqual(['a', 'new']);
});

test('an instance that never told its port is stopped', () => {
  expect(ids(planAdoption(deployment({}), [instance('a', { port: null })]).stop)).toEqual(['a']);
});

test('an on-demand app that was awake stays awake', () => {
  expect(ids(planAdoption(deployment({ instancesWanted: 0 }), [instance('a')]).adopt)).toEqual(['a']);
});

test.each([{ stopped: true }, { currentVersion: null }])(
  'nothing of a deployment with %j is adopted',
  (change) => {
    expect(planAdoption(deployment(change), [instance('a')])).toMatchObject({
      adopt: [],
      stop: [{ id: 'a' }],
    });
  },
);
