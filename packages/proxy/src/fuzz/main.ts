// Runs every fuzz target, all together for so many seconds: `node --conditions=source src/fuzz/main.ts 60 [seed]`.
import { runFuzzTarget } from './fuzz-target.ts';
import { fuzzTargets } from './targets.ts';

const secondsDefault = 60;
const seconds = Number(process.argv[2] ?? secondsDefault) / fuzzTargets.length;
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);

for (const target of fuzzTargets) {
  const inputs = runFuzzTarget(target, { seed, milliseconds: seconds * 1_000 });
  console.log(`${target.name}: ${inputs} inputs in ${seconds} s, seed ${seed}: nothing found`);
}
