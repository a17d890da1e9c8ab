import type { DeploymentRecord } from '@tako/store';
import { expect, test } from 'vitest';
import { testManifest } from '../testing/manifest.ts';
import { deploymentView } from './deployment-view.ts';
import type { ViewMember } from './deployment-view.ts';

const record: DeploymentRecord = {
  id: 'web',
  app: 'web',
  env: 'production',
  currentVersion: 'v1',
  previousVersion: null,
  instancesWanted: 1,
  stopped: false,
  maintenance: false,
  routes: ['example.com'],
  secretsDigest: '',
  secretNames: [],
  lastError: null,
  createdAt: 0,
  updatedAt: 0,
};

function member(change: Partial<ViewMember>): ViewMember {
  return {
    id: 'i1',
    version: 'v1',
    port: 4000,
    protocol: 'http1',
    state: 'healthy',
    inRotation: true,
    retiring: false,
    timeoutsOnly: false,
    ...change,
  };
}

function rotation(change: Partial<ViewMember>): string | undefined {
  const view = deploymentView({ record, manifest: testManifest(), members: [member(change)], pause: null });
  return view.instances[0]?.rotation;
}

test('a healthy member in rotation takes traffic', () => expect(rotation({})).toBe('healthy'));
test('a candidate that is not in rotation yet is not told of', () =>
  expect(rotation({ inRotation: false })).toBeUndefined());
test('a member without a port is not told of', () => expect(rotation({ port: null })).toBeUndefined());
test('a retiring member drains, whatever its health', () =>
  expect(rotation({ retiring: true, state: 'unhealthy' })).toBe('draining'));
test('a member that failed by time-outs alone is a suspect', () =>
  expect(rotation({ state: 'unhealthy', timeoutsOnly: true })).toBe('suspect'));
test('a member that refused connections is out', () =>
  expect(rotation({ state: 'unhealthy' })).toBeUndefined());
test('an instance is said to speak HTTP/2 where its own build does, whatever the release that serves', () => {
  const members = [member({}), member({ id: 'i2', protocol: 'h2c' })];
  const view = deploymentView({ record, manifest: testManifest(), members, pause: null });
  expect(view.instances.map((each) => each.protocol)).toEqual([undefined, 'h2c']);
});
test('a starting member in a slot is out', () => expect(rotation({ state: 'starting' })).toBeUndefined());

test('traffic follows the row: stopped before maintenance before pause before on demand', () => {
  const kind = (change: Partial<DeploymentRecord>, pause: { maxMs: number } | null = null): string =>
    deploymentView({ record: { ...record, ...change }, manifest: testManifest(), members: [], pause }).traffic
      .kind;
  expect(kind({ stopped: true, maintenance: true })).toBe('stopped');
  expect(kind({ maintenance: true }, { maxMs: 1 })).toBe('maintenance');
  expect(kind({}, { maxMs: 1 })).toBe('paused');
  expect(kind({ instancesWanted: 0 })).toBe('onDemand');
  expect(kind({})).toBe('serving');
});
