// `npm start`: sets up, then shows the main job (e2e/start/main.ts) under the project's own Node.
import path from 'node:path';
import { setup } from './setup.mjs';
import { nodeProgram, root, run } from './toolchain.mjs';

await setup();
const main = path.join(root, 'e2e', 'start', 'main.ts');
process.exit(
  await run(nodeProgram, [
    '--conditions=source',
    '--disable-warning=ExperimentalWarning',
    main,
    ...process.argv.slice(2),
  ]),
);
