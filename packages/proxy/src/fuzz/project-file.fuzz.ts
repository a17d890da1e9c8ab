// Fuzz target: any text is a project or a list of what is wrong with it, soon, and never anything else.
import assert from 'node:assert/strict';
import { parseProject, TakoError } from '@tako/config';
import type { FuzzTarget } from './fuzz-target.ts';

const corpus = [
  'name = "shop"\n[envs.production]\nroute = "shop.example.com"\nservers = ["a"]\n',
  '[build]\nrun = "npm run build"\n[vars]\nA = "b"\nN = 1.50\n[envs.staging]\nroutes = ["a.example.com", "*.b.example.com/x/*"]\n',
  "a.b.c = {x = [1, 2, {y = \"z\"}]}\n[[streams]]\nport = 5432\n# comment\n\"quoted key\" = '''raw\n'''\nd = 2024-01-01T00:00:00Z\n",
].map((text) => Buffer.from(text));

/** Far above what any input of this size takes: a parser that is caught in itself is found by it. */
const millisecondsMax = 2_000;

export const projectFileTarget: FuzzTarget = {
  name: 'tako.toml',
  corpus,
  check: (bytes) => {
    const text = bytes.toString('utf8');
    const started = performance.now();
    try {
      assert.ok(Object.isFrozen(parseProject(text, { file: 'tako.toml', directoryName: 'shop' })));
    } catch (error) {
      if (!(error instanceof TakoError)) throw error;
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /tako\.toml/);
    }
    assert.ok(performance.now() - started < millisecondsMax, 'it is read soon');
  },
};
