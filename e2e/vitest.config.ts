// The end-to-end tests, and the unit tests of what they use. Long: they start real servers. The stories that put a server
// under load have the machine to themselves, one file at a time, after the others.
import shared from '../vitest.config.ts';

/** What counts every request of a crowd of clients, or fills the machine. */
const underLoad = [
  'certificates/renewal.test.ts',
  'faults/flood.test.ts',
  'handoff/handoff.test.ts',
  'handoff/in-process.test.ts',
  'handoff/rebinding.test.ts',
  'handoff/standby.test.ts',
  'handoff/two-servers.test.ts',
  'handoff/upgrade.test.ts',
  'hosts/service.test.ts',
  'load/load-generator.test.ts',
  'zero-loss/**/*.test.ts',
];
const elsewhere = ['**/node_modules/**', 'fixtures/**', 'dist/**'];
const common = {
  ...shared.test,
  // Of the few tests that say they may: those that wait for time to pass, all at once.
  maxConcurrency: 10,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default {
  ...shared,
  root: import.meta.dirname,
  test: {
    ...common,
    projects: [
      {
        extends: true,
        test: {
          name: 'stories',
          include: ['**/*.test.ts'],
          exclude: [...elsewhere, ...underLoad],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'load',
          include: underLoad,
          exclude: elsewhere,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
};
