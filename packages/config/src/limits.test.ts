// Every limit of this package at its value and one past it (those of names, routes and sizes have theirs beside them).
import { describe, expect, it } from 'vitest';
import { parseInventory } from './inventory.ts';
import { limits } from './limits.ts';
import { parseManifest } from './manifest.ts';
import { parseProject } from './project.ts';
import { parseSecretsFile } from './secrets-file.ts';
import { isCanonicalSubPath } from './sub-path.ts';
import { exampleManifest } from './testing/example-manifest.ts';

const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join('');
const list = (count: number, make: (index: number) => string): string =>
  `[${times(count, (index) => `${JSON.stringify(make(index))}, `)}]`;
const production = '[envs.production]\nroute = "a.example"\n';
const toml = (text: string): unknown => parseProject(text, { file: 'tako.toml', directoryName: 'a' });
const manifest = (change: object): unknown => parseManifest({ ...exampleManifest, ...change });

const cases: readonly [keyof typeof limits, (count: number) => unknown][] = [
  [
    'routesPerEnvMax',
    (count) => toml(`[envs.production]\nroutes = ${list(count, (index) => `a${index}.example`)}`),
  ],
  ['argvWordsMax', (count) => toml(`start = ${list(count, () => 'x')}`)],
  ['commandCharsMax', (count) => toml(`release_command = "${'x'.repeat(count)}"`)],
  ['envVarsMax', (count) => toml(`[vars]\n${times(count, (index) => `V${index} = 1\n`)}`)],
  ['envVarNameCharsMax', (count) => toml(`[vars]\n${'V'.repeat(count)} = 1`)],
  ['envVarValueBytesMax', (count) => toml(`[vars]\nA = "${'x'.repeat(count)}"`)],
  ['instancesMax', (count) => toml(`instances = ${count}`)],
  [
    'processesMax',
    (count) => toml(times(count, (index) => `[[processes]]\nname = "p${index}"\nrun = "x"\n`)),
  ],
  [
    'streamsMax',
    (count) =>
      toml(
        times(
          count,
          (index) => `[[streams]]\nname = "s${index}"\nprotocol = "tcp"\nlisten = ${5000 + index}\n`,
        ),
      ),
  ],
  ['buildStagesMax', (count) => toml(times(count, () => '[[build_stages]]\nrun = "x"\n'))],
  ['globsMax', (count) => toml(`[build]\nexclude = ${list(count, (index) => `a${index}`)}`)],
  ['serversMax', (count) => toml(`${production}servers = ${list(count, (index) => `s${index}`)}`)],
  [
    'serversMax',
    (count) =>
      parseInventory(
        times(count, (index) => `[[servers]]\nname = "s${index}"\nhost = "h${index}"\n`),
        'config.toml',
      ),
  ],
  ['secondsMax', (count) => toml(`${production}idle_timeout_s = ${count}`)],
  [
    'secretsPerEnvMax',
    (count) => manifest({ secret_names: Array.from({ length: count }, (_, index) => `S${index}`) }),
  ],
  [
    'envVarsMax',
    (count) =>
      manifest({
        env_vars: Object.fromEntries(Array.from({ length: count }, (_, index) => [`V${index}`, ''])),
      }),
  ],
  ['argvWordsMax', (count) => manifest({ start: Array.from({ length: count }, () => 'x') })],
  [
    'processesMax',
    (count) =>
      manifest({
        processes: Array.from({ length: count }, (_, index) => ({
          name: `p${index}`,
          run: 'x',
          instances: 1,
          schedule: null,
        })),
      }),
  ],
  ['commitMessageCharsMax', (count) => manifest({ commit_message: 'x'.repeat(count) })],
  ['manifestBytesMax', (count) => parseManifest(JSON.stringify(exampleManifest).padEnd(count))],
  ['secretsFileBytesMax', (count) => parseSecretsFile('{"version":1,"envs":{}}'.padEnd(count))],
];

describe('the limit', () => {
  it.each(cases)('%s is allowed, and one more is not', (name, make) => {
    expect(make(limits[name])).toBeDefined();
    expect(() => make(limits[name] + 1)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/_INVALID$/) }),
    );
  });

  it('subPathCharsMax is allowed, and one more is not', () => {
    expect(isCanonicalSubPath('x'.repeat(limits.subPathCharsMax))).toBe(true);
    expect(isCanonicalSubPath('x'.repeat(limits.subPathCharsMax + 1))).toBe(false);
  });
});
