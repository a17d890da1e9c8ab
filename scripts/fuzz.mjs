// `npm run fuzz [-- [seconds] [seed]]`: sets up, then runs every fuzz target (packages/proxy/src/fuzz), 60 s in all
// unless told otherwise.
import path from 'node:path';
import { setup } from './setup.mjs';
import { nodeProgram, root, run } from './toolchain.mjs';

await setup();
const main = path.join(root, 'packages', 'proxy', 'src', 'fuzz', 'main.ts');
const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
process.exit(await run(nodeProgram, [...flags, main, ...process.argv.slice(2)]));
