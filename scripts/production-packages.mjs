// Which packages of node_modules a workspace needs when it runs, by the lockfile: what npm would install without dev
// dependencies for one platform. Reads one file, installs nothing.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** npm's rule: a package looks into the node_modules beside itself, then in each folder above (package-lock "packages"). */
function resolveIn(packages, from, name) {
  for (let at = from; ;) {
    const candidate = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (at === '') return null;
    const parent = at.lastIndexOf('/node_modules/');
    at = parent < 0 ? '' : at.slice(0, parent);
  }
}

function allows(list, value) {
  if (list === undefined) return true;
  return list.includes(value) || (list.some((item) => item.startsWith('!')) && !list.includes(`!${value}`));
}

/**
 * `[{target, source, version}]`: `target` is the place in the new tree (`node_modules/…`), `source` the directory in
 * this repository. The workspace itself is among them. Throws for a dependency that the lockfile does not have.
 */
export function productionPackages(root, workspace, { platform, arch, libc }) {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const start = Object.keys(packages).find(
    (key) => packages[key].link === true && packages[key].resolved === workspace,
  );
  if (start === undefined) throw new Error(`the lockfile knows no workspace ${workspace}`);
  const found = new Map();
  const queue = [start];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    const entry = packages[key];
    const source = entry.link === true ? entry.resolved : key;
    const facts = packages[source];
    found.set(key, { target: key, source, version: facts.version });
    for (const name of Object.keys({ ...facts.dependencies, ...facts.optionalDependencies })) {
      const next = resolveIn(packages, source, name);
      const isOptional = facts.optionalDependencies?.[name] !== undefined;
      if (next === null) {
        if (isOptional) continue;
        throw new Error(`${source} needs ${name}, which the lockfile does not have`);
      }
      const { os, cpu, libc: libcs } = packages[next];
      if (allows(os, platform) && allows(cpu, arch) && allows(libcs, libc)) queue.push(next);
    }
  }
  return [...found.values()].sort((one, other) => (one.target < other.target ? -1 : 1));
}
