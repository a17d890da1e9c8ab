// `npm run bench [-- data-plane|control-plane [options]]`: sets up, then measures the data plane beside its peers
// (bench/main.ts) and the control plane (bench/control-plane/main.ts), or the one that is named. Options alone are for the
// data plane.
import path from 'node:path';
import { setup } from './setup.mjs';
import { nodeProgram, root, run } from './toolchain.mjs';

const programs = { 'data-plane': 'main.ts', 'control-plane': 'control-plane/main.ts' };
const given = process.argv.slice(2);
const [name, ...rest] = given[0]?.startsWith('-') ? ['data-plane', ...given] : given;
const isNamed = Object.hasOwn(programs, name ?? '');
if (name !== undefined && !isNamed) {
  process.stderr.write(`bench: ${name} is neither of: ${Object.keys(programs).join(', ')}\n`);
  process.exit(2);
}

await setup();
for (const file of isNamed ? [programs[name]] : Object.values(programs)) {
  const main = path.join(root, 'bench', file);
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const code = await run(nodeProgram, [...flags, main, ...rest]);
  if (code !== 0) process.exit(code);
}
