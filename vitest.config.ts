// One configuration for every package: sources run directly, real resources, no watch, no globals.
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const conditions = ['source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
    execArgv: ['--conditions=source', '--no-warnings=ExperimentalWarning'],
    reporters: process.env['TAKO_REPORT_DIR']
      ? [
          'default',
          [
            'json',
            { outputFile: path.join(process.env['TAKO_REPORT_DIR'], `${path.basename(process.cwd())}.json`) },
          ],
        ]
      : ['default'],
    passWithNoTests: false,
    restoreMocks: true,
  },
  root,
});
