// `npm run bench -- data-plane [--seconds N] [--rounds N] [--warmup N] [--only id,id] [--peers name,name] [--idle N] [--out DIR]`: every
// workload against every peer in turns, then a table and a plot.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMicroseconds, memoryBytes } from './measure/cpu.ts';
import { startApp } from './peers/app.ts';
import { createCertificate, createNameCertificates } from './peers/certificate.ts';
import { caddy } from './peers/caddy.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { httpProxy, httpProxy3, tako, takoWithLog } from './peers/node-peers.ts';
import type { Peer, PeerInput, RunningPeer } from './peers/peer.ts';
import { versionsOf } from './peers/versions.ts';
import type {
  MemoryResult,
  PeerResult,
  RunResult,
  Sample,
  WorkersResult,
  WorkloadResult,
} from './report/result.ts';
import { saveResults } from './report/results-file.ts';
import { formatTables } from './report/table.ts';
import { halfLoad } from './workloads/half-load.ts';
import { measureIdleConnections } from './workloads/idle-connections.ts';
import { manyNames } from './workloads/many-names.ts';
import { webSockets } from './workloads/web-sockets.ts';
import { measureDistribution } from './workloads/worker-distribution.ts';
import {
  download,
  http2,
  keepAlive,
  manyRoutes,
  scripts,
  tlsKeepAlive,
  tlsNewConnections,
  upload,
  type Workload,
} from './workloads/workload.ts';

const host = 'bench.example.com';
const routesMax = 10_000;
const namesMax = 1_000;
const allPeers: readonly Peer[] = [nginx, haproxy, caddy, httpProxy, httpProxy3, tako, takoWithLog];
const allWorkloads: readonly Workload[] = [
  keepAlive,
  halfLoad,
  tlsKeepAlive,
  tlsNewConnections,
  http2,
  download,
  upload,
  webSockets,
  manyRoutes,
  manyNames,
];

interface Side {
  readonly peer: Peer;
  readonly input: PeerInput;
  readonly running: RunningPeer;
}

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    idle: { type: 'string', default: '5000' },
    out: { type: 'string', default: '' },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
/** What compiles its code while it runs must have done so before it is measured. */
const warmupSeconds = Number(options.warmup);
const chosen = (list: string, name: string): boolean => list === '' || list.split(',').includes(name);

async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Sides extends AsyncDisposable {
  readonly list: readonly Side[];
}

async function startSides(
  { dir, appPort, namesDir = null }: { dir: string; appPort: number; namesDir?: string | null },
  hosts: readonly string[],
): Promise<Sides> {
  await using stack = new AsyncDisposableStack();
  const list: Side[] = [];
  for (const peer of allPeers) {
    if (!chosen(options.peers, peer.name)) continue;
    const input: PeerInput = {
      dir: path.join(dir, `${peer.name.replaceAll(/\W+/g, '-')}-${hosts.length}`),
      httpPort: await freePort(),
      httpsPort: await freePort(),
      appPort,
      certificateFile: path.join(dir, 'certificate.pem'),
      keyFile: path.join(dir, 'key.pem'),
      hosts,
      namesDir,
    };
    const running = hosts.length > 1 && !peer.does.manyHosts ? null : await peer.start(input);
    if (running === null) console.log(`${peer.name}: left out`);
    else list.push({ peer, input, running: stack.use(running) });
  }
  const owned = stack.move();
  return { list, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function sampleOf(workload: Workload, side: Side, dir: string): Promise<Sample> {
  const pids = side.running.pids();
  const before = await cpuMicroseconds(pids);
  const count = await workload.run({ ...side.input, dir, seconds });
  const after = await cpuMicroseconds(pids);
  return {
    cpuMicros: after - before,
    operations: count.requests,
    failed: count.failed,
    perSecond: count.requests / count.seconds,
    p50Ms: count.p50Ms,
    p99Ms: count.p99Ms,
    memoryBytes: await memoryBytes(pids),
  };
}

async function measure(workload: Workload, sides: readonly Side[], dir: string): Promise<WorkloadResult> {
  const able = sides.filter(({ peer }) => {
    if (workload.needs === 'http2') return peer.does.http2;
    if (workload.needs === 'webSockets') return peer.does.webSockets;
    return true;
  });
  const samples = new Map<string, Sample[]>(able.map(({ peer }) => [peer.name, []]));
  for (const side of able) await workload.run({ ...side.input, dir, seconds: warmupSeconds });
  for (let round = 1; round <= rounds; round += 1) {
    for (const side of able) {
      const sample = await sampleOf(workload, side, dir);
      samples.get(side.peer.name)?.push(sample);
      const cpu = (sample.cpuMicros / sample.operations) * workload.operationsPerUnit;
      console.log(
        `${workload.id} round ${round} ${side.peer.name}: ${cpu.toFixed(1)} µs per ${workload.unit}, ${sample.operations} done, ${sample.failed} failed`,
      );
    }
  }
  const peers: PeerResult[] = [...samples].map(([peer, list]) => ({ peer, samples: list }));
  const { id, title, unit, operationsPerUnit } = workload;
  return { id, title, unit, operationsPerUnit, peers };
}

async function measureIdle(sides: readonly Side[]): Promise<MemoryResult> {
  const connections = Number(options.idle);
  const peers: { peer: string; bytesEach: number }[] = [];
  for (const { peer, input, running } of sides) {
    if (peer === takoWithLog) continue;
    const bytesEach = await measureIdleConnections(running, {
      httpsPort: input.httpsPort,
      host,
      connections,
    });
    console.log(`idle ${peer.name}: ${(bytesEach / 1024).toFixed(1)} KiB each`);
    peers.push({ peer: peer.name, bytesEach });
  }
  return { title: `Memory of ${connections} idle TLS connections`, peers };
}

type Measured = Pick<RunResult, 'workloads' | 'memory' | 'workers'>;

async function runAll(): Promise<Measured> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tako-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  createCertificate(dir, host);
  for (const [name, text] of Object.entries(scripts)) await writeFile(path.join(dir, name), text);
  const app = stack.use(await startApp(path.join(dir, 'app'), await freePort()));
  const workloads: WorkloadResult[] = [];
  let memory: MemoryResult | null = null;
  {
    await using sides = await startSides({ dir, appPort: app.port }, [host]);
    for (const workload of allWorkloads) {
      if (workload.needs === 'manyHosts' || !chosen(options.only, workload.id)) continue;
      workloads.push(await measure(workload, sides.list, dir));
    }
    if (chosen(options.only, 'idle')) memory = await measureIdle(sides.list);
  }
  if (chosen(options.only, manyRoutes.id)) {
    const hosts = [host, ...Array.from({ length: routesMax }, (_, index) => `h${index}.example.com`)];
    await using sides = await startSides({ dir, appPort: app.port }, hosts);
    workloads.push(await measure(manyRoutes, sides.list, dir));
  }
  if (chosen(options.only, manyNames.id)) {
    const hosts = Array.from({ length: namesMax }, (_, index) => `n${index}.example.com`);
    const namesDir = path.join(dir, 'names');
    createNameCertificates(namesDir, hosts);
    await using sides = await startSides({ dir, appPort: app.port, namesDir }, hosts);
    workloads.push(await measure(manyNames, sides.list, dir));
  }
  const workers: WorkersResult[] = [];
  if (chosen(options.only, 'workers')) {
    const files = { certificateFile: path.join(dir, 'certificate.pem'), keyFile: path.join(dir, 'key.pem') };
    const input = {
      dir,
      httpPort: 0,
      httpsPort: 443,
      appPort: app.port,
      hosts: [host],
      namesDir: null,
      ...files,
    };
    for (const newConnections of [false, true])
      workers.push(await measureDistribution({ ...input, workers: 2, seconds, newConnections }));
  }
  return { workloads, memory, workers };
}

/** Where the results go; null: they are only shown. */
function resultsDir(): string | null {
  if (options.out !== '') return options.out;
  return options.peers === '' ? path.join(import.meta.dirname, 'results') : null;
}

const out = resultsDir();
const measured = await runAll();
const cpus = os.cpus();
const run: RunResult = {
  machine: `${cpus.length} × ${cpus[0]?.model ?? 'CPU'}, Linux ${os.release()}`,
  versions: versionsOf(),
  ...measured,
};
const order = allWorkloads.map(({ id }) => id);
const tables = out === null ? formatTables(run) : await saveResults(out, run, order);
console.log(`\n${tables}${out === null ? '' : `\nwritten to ${out}`}`);
