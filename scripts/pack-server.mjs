// `node scripts/pack-server.mjs [--out FILE] [--version V]`: the built server as one archive that runs from anywhere: its own
// Node, its bundle with the native packages beside it, the licences of all that is in it, and what installs it on a host
// (packaging/). Needs a build.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { productionPackages } from './production-packages.mjs';
import { nodeProgram, root } from './toolchain.mjs';

const target = { platform: process.platform, arch: process.arch, libc: 'glibc' };

/** Never read at run time; licences stay. */
const leftOut = /\.(?:d\.[cm]?ts|ts|map|md|markdown|flow|gyp|tsbuildinfo)$/i;
/** Sources of native code and binaries for other platforms. */
const leftOutOf = {
  'better-sqlite3': new RegExp(`^(?:deps|src)(?:/|$)|^prebuilds/(?!linux-${target.arch}\\.node$).`),
  koffi: /^(?:vendor|doc|lib)(?:\/|$)|\.(?:cc|hh|S|asm|inc|cpp|txt)$/,
};

/** What the caller can mend; its message is all that is shown. */
class PackError extends Error {}

function fail(message) {
  throw new PackError(message);
}

function isNeeded(name, relative) {
  if (relative === '') return true;
  if (/(?:^|\/)(?:node_modules|\.bin|test|tests|__tests__)$/.test(relative)) return false;
  if (/^(?:licen[cs]e|notice)/i.test(path.basename(relative))) return true;
  return !leftOut.test(relative) && leftOutOf[name]?.test(relative) !== true;
}

/** Not in the bundle, since each loads a library that lies in its own package (apps/server/bundle.mjs). */
const isNative = (name) => name === 'koffi' || name === 'better-sqlite3' || name.startsWith('@koromix/');

/** Of our own packages the bundle alone: all the others are in it. */
function copyServer(tree, version) {
  const [source, destination] = [
    path.join(root, 'apps/server'),
    path.join(tree, 'node_modules/@tako/server'),
  ];
  if (!existsSync(path.join(source, 'dist/bundle/main.js')))
    fail('apps/server/dist/bundle is missing: run "npm run setup" first');
  cpSync(path.join(source, 'dist/bundle'), path.join(destination, 'dist/bundle'), { recursive: true });
  const manifest = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8'));
  const { name, license, type, engines } = manifest;
  const facts = { name, version: version ?? manifest.version, license, type, engines };
  writeFileSync(path.join(destination, 'package.json'), `${JSON.stringify(facts, null, 2)}\n`);
}

const nameOf = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

function copyNative({ source, target: place }, tree) {
  const [from, to] = [path.join(root, source), path.join(tree, place)];
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (file) => isNeeded(nameOf(place), path.relative(from, file)),
  });
}

/** What the bundle is made of keeps its licence beside it. */
function copyLicences({ source, target: place, version }, tree) {
  const from = path.join(root, source);
  for (const file of readdirSync(from).filter((one) => /^(?:licen[cs]e|notice)/i.test(one))) {
    const to = path.join(tree, 'licenses', `${nameOf(place).replace('/', '-')}-${version}`, file);
    mkdirSync(path.dirname(to), { recursive: true });
    copyFileSync(path.join(from, file), to);
  }
}

function copyPackages(tree, version) {
  copyServer(tree, version);
  for (const one of productionPackages(root, 'apps/server', target)) {
    if (!one.source.startsWith('node_modules/')) continue;
    if (!existsSync(path.join(root, one.source)))
      fail(`${one.source} is not installed: run "npm run setup" first`);
    if (isNative(nameOf(one.target))) copyNative(one, tree);
    else copyLicences(one, tree);
  }
}

/** Node 24 and later need it, and a small host has none (see packaging/install.sh). Ours is of the same processor. */
function copyLibatomic(tree) {
  const { stdout } = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  const file = /libatomic\.so\.1 .*=> (\S+)/.exec(stdout ?? '')?.[1];
  if (file === undefined)
    fail('libatomic.so.1 is not on this machine: install the Debian package libatomic1');
  mkdirSync(path.join(tree, 'lib'));
  copyFileSync(file, path.join(tree, 'lib/libatomic.so.1'));
}

function makeTree(tree, requested) {
  copyPackages(tree, requested);
  const { version } = JSON.parse(
    readFileSync(path.join(tree, 'node_modules/@tako/server/package.json'), 'utf8'),
  );
  mkdirSync(path.join(tree, 'bin'));
  copyFileSync(nodeProgram, path.join(tree, 'bin/node'));
  chmodSync(path.join(tree, 'bin/node'), 0o755);
  copyLibatomic(tree);
  copyFileSync(path.join(root, 'packaging/tako-server.sh'), path.join(tree, 'bin/tako-server'));
  chmodSync(path.join(tree, 'bin/tako-server'), 0o755);
  cpSync(path.join(root, 'packaging'), path.join(tree, 'packaging'), { recursive: true });
  // Read by install.sh on a host that has no Node yet: one KEY=VALUE a line.
  writeFileSync(
    path.join(tree, 'BUILD'),
    `version=${version}\nplatform=${target.platform}\narch=${target.arch}\n`,
  );
  return version;
}

/** What only fails when it is used: the native libraries, and a package that was left out too much of. */
const selfCheck = `
  const { createRequire } = require('node:module');
  const own = createRequire(process.argv[1] + '/node_modules/@tako/server/dist/bundle/main.js');
  own('koffi').load(null).func('int getpid()')();
  new (own('better-sqlite3'))(':memory:').close();
`;

function check(tree, version) {
  const options = { encoding: 'utf8', cwd: '/', env: {} };
  const said = spawnSync(path.join(tree, 'bin/tako-server'), ['--version'], {
    ...options,
    env: { PATH: '/usr/bin:/bin' },
  });
  if (said.stdout !== `tako-server ${version}\n`)
    fail(`the packed server does not run:\n${said.stdout}${said.stderr}`);
  const natives = spawnSync(path.join(tree, 'bin/node'), ['--eval', selfCheck, tree], options);
  if (natives.status !== 0) fail(`the native libraries of the packed server do not load:\n${natives.stderr}`);
}

/** Equal trees make equal archives. */
function archive(tree, out) {
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=gnu'];
  const compress = out.endsWith('.gz') ? ['--use-compress-program=gzip -n -6'] : [];
  const temporary = `${out}.${process.pid}.tmp`;
  const { status } = spawnSync('tar', [...order, ...compress, '-cf', temporary, '-C', tree, '.'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    rmSync(temporary, { force: true });
    fail(`tar ended with ${status}`);
  }
  renameSync(temporary, out);
}

function main() {
  const { values } = parseArgs({ options: { out: { type: 'string' }, version: { type: 'string' } } });
  if (values.version !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(values.version))
    fail(`${values.version} is no version`);
  if (target.platform !== 'linux')
    fail('a server runs on Linux: pack it there, since its Node is taken from node_modules');
  const staging = mkdtempSync(path.join(os.tmpdir(), 'tako-pack-'));
  try {
    const tree = path.join(staging, 'tree');
    mkdirSync(tree, { mode: 0o755 });
    const version = makeTree(tree, values.version ?? null);
    const name = `tako-server-${version}-${target.platform}-${target.arch}.tar.gz`;
    const out = path.resolve(values.out ?? path.join(root, '.cache', name));
    check(tree, version);
    mkdirSync(path.dirname(out), { recursive: true });
    archive(tree, out);
    process.stdout.write(`${out}\n`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof PackError)) throw error;
  process.stderr.write(`pack-server: ${error.message}\n`);
  process.exitCode = 1;
}
