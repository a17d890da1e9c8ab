// Packs the built server into a few files beside its native packages: a start and a reload take half the CPU time, since
// Node finds and reads ten modules instead of seven hundred, and a third of the heap is not there. Run by `npm run build`.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { plainBuiltins } from '../../scripts/plain-builtins.mjs';

const dist = path.join(import.meta.dirname, 'dist');
const directory = path.join(dist, 'bundle');
const storeDatabase = path.join(import.meta.dirname, '../../packages/store/dist/database');

/** What is started as a program or a thread of its own: found beside the file that starts it. */
const entries = {
  main: path.join(dist, 'main.js'),
  'worker-main': path.join(dist, 'worker-main.js'),
  'self-signed-worker': path.join(dist, 'certificates/self-signed-worker.js'),
  'order-thread': path.join(dist, 'issuer/order-thread.js'),
  'state-worker': path.join(storeDatabase, '../backup/state-worker.js'),
};

const drizzleAsModules = {
  name: 'drizzle-as-modules',
  resolveId(id, importer) {
    const isOurs = importer?.startsWith(path.dirname(storeDatabase)) === true;
    return isOurs && id.endsWith('/drizzle.js') ? path.join(storeDatabase, 'drizzle-modules.js') : null;
  },
};

rmSync(directory, { recursive: true, force: true });
const bundle = await rolldown({
  input: entries,
  platform: 'node',
  // Native: each loads a library that lies in its own package.
  external: ['better-sqlite3', 'koffi'],
  plugins: [drizzleAsModules, plainBuiltins],
  resolve: { conditionNames: ['node', 'import', 'default'] },
});
await bundle.write({
  dir: directory,
  format: 'esm',
  sourcemap: false,
  entryFileNames: '[name].js',
  // What control process and worker share must not lie in one file with the data plane: the first would load it all.
  codeSplitting: {
    groups: [{ name: 'shared', test: /\/packages\/config\/dist\/|\/proxy\/dist\/metrics\// }],
  },
});
await bundle.close();
