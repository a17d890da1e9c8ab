// `npm run bench -- control-plane [--only id,id] [--out DIR]`: how quick deploys, cold starts, reloads and the command
// line are, and what the control process weighs. Figures of measurements that were left out stay as they are in the results.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cliStart } from './cli-start.ts';
import { coldStart } from './cold-start.ts';
import { controlMemory } from './control-memory.ts';
import { deployLatency } from './deploy-latency.ts';
import { type Figure, type Measurement, median } from './figure.ts';
import { reloadTime } from './reload-time.ts';

const measurements: readonly Measurement[] = [deployLatency, coldStart, reloadTime, cliStart, controlMemory];

interface Results {
  readonly machine: string;
  readonly node: string;
  readonly figures: readonly Figure[];
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    out: { type: 'string', default: path.join(import.meta.dirname, '../results') },
  },
});

async function earlierFigures(file: string): Promise<readonly Figure[]> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? [] : (JSON.parse(text) as Results).figures;
}

function table({ machine, node, figures }: Results): string {
  const rows = figures.map(({ title, unit, samples, goal, note }) => {
    const range = samples.length > 1 ? `${Math.min(...samples)}–${Math.max(...samples)}` : '';
    const cells = [
      title,
      `${median(samples)} ${unit}`,
      range,
      goal === null ? '' : `< ${goal} ${unit}`,
      note,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '# The control plane',
    '',
    `${machine}. Node ${node}. Medians; the range is that of the rounds.`,
    '',
    '| what | median | range | goal | |',
    '| --- | ---: | ---: | ---: | --- |',
    ...rows,
    '',
  ].join('\n');
}

const wanted = options.only === '' ? null : options.only.split(',');
const file = path.join(options.out, 'control-plane.json');
const byId = new Map((await earlierFigures(file)).map((figure) => [figure.id, figure]));
for (const measurement of measurements) {
  if (wanted !== null && !wanted.includes(measurement.id)) continue;
  console.log(`${measurement.id} …`);
  for (const figure of await measurement.measure()) byId.set(figure.id, figure);
}
const cpus = os.cpus();
const results: Results = {
  machine: `${cpus.length} × ${cpus[0]?.model ?? 'CPU'}, Linux ${os.release()}`,
  node: process.version,
  figures: [...byId.values()],
};
await mkdir(options.out, { recursive: true });
await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
await writeFile(path.join(options.out, 'control-plane.md'), table(results));
console.log(`\n${table(results)}\nwritten to ${options.out}`);
