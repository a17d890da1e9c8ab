import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manifestSchema, parseManifest } from './manifest.ts';
import { isTakoError } from './tako-error.ts';
import { exampleManifest as manifest } from './testing/example-manifest.ts';

function problemsOf(value: unknown): readonly string[] {
  try {
    parseManifest(value);
  } catch (error) {
    if (isTakoError(error) && error.code === 'MANIFEST_INVALID')
      return z.array(z.string()).parse(error.details['problems']);
    throw error;
  }
  return [];
}

describe('parseManifest', () => {
  it('reads JSON text and the value itself alike', () => {
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
    expect(parseManifest(manifest)).toEqual(manifest);
  });

  it('freezes the result all the way down', () => {
    const parsed = parseManifest(JSON.stringify(manifest));
    for (const value of [
      parsed,
      parsed.start,
      parsed.env_vars,
      parsed.limits,
      parsed.processes,
      parsed.processes[0],
    ]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it('refuses an unknown key and a missing one', () => {
    expect(problemsOf({ ...manifest, idle_timeout: 1 })).toEqual([
      'app.json: Unrecognized key: "idle_timeout"',
    ]);
    const { built_at: _, ...rest } = manifest;
    expect(problemsOf(rest)).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['schema', 2],
    ['app', 'Shop'],
    ['env', 'Production'],
    ['version', '..'],
    ['version', 'a/b'],
    ['runtime', 'ruby'],
    ['runtime_version', '../../x'],
    ['main', '.'],
    ['main', '../server.js'],
    ['main', '/srv/server.js'],
    ['main', 'dist//server.js'],
    ['app_dir', ''],
    ['app_dir', '..'],
    ['app_dir', 'a/../b'],
    ['app_dir', './a'],
    ['app_dir', 'a/'],
    ['app_dir', 'a\\b'],
    ['app_dir', 'a\0b'],
    ['install_dir', '/'],
    ['start', []],
    ['start', { length: { toString: 0 } }],
    ['start', ['']],
    ['start', ['node', 'a\0b']],
    ['health_path', 'status'],
    ['health_path', '/a b'],
    ['health_path', '/a#b'],
    ['health_path', '/a\r\nX: y'],
    ['env_vars', { PORT: '1' }],
    ['env_vars', { TAKO_APP: 'x' }],
    ['env_vars', { 'A-B': 'x' }],
    ['env_vars', { A: 'x\0' }],
    ['secret_names', ['lower']],
    ['secret_names', ['HOST']],
    ['instances', -1],
    ['instances', 257],
    ['instances', 1.5],
    ['idle_timeout_s', 0],
    ['limits', { ...manifest.limits, memory: '512M' }],
    ['limits', { ...manifest.limits, memory: 1000 }],
    ['built_at', 'yesterday'],
    ['commit', 'HEAD'],
  ])('refuses %s = %j', (key, value) => {
    const problems = problemsOf({ ...manifest, [key]: value });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(new RegExp(`^${key}[.:]`));
  });

  it.each<[string, unknown]>([
    ['main', null],
    ['app_dir', '.'],
    ['instances', 0],
    ['instances', 256],
    ['version', 'nogit_0a1b2c3d'],
    ['health_path', '/up?deep=1'],
    ['runtime_version', null],
  ])('allows %s = %j', (key, value) => {
    expect(problemsOf({ ...manifest, [key]: value })).toEqual([]);
  });

  it('names a text that is not JSON', () => {
    expect(() => parseManifest('{')).toThrow(/app\.json is not JSON/);
  });

  it('keeps `__proto__` from becoming a variable', () => {
    const text = JSON.stringify(manifest).replace('"NODE_ENV":', '"__proto__":');
    const parsed = manifestSchema.safeParse(JSON.parse(text));
    if (parsed.success) expect(Object.keys(parsed.data.env_vars)).toEqual([]);
  });
});
