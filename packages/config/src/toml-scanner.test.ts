import * as fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { createTomlLocator, formatTomlPath } from './toml-locator.ts';
import { scanToml, type TomlPath } from './toml-scanner.ts';

const sample = `\ufeff# a comment = "not a key"
name = "shop" # trailing
start = [
  "node", # one
  'x]y', """a "quoted" ]
text"""
]

[ envs . "production" ]
route = "example.com"
health = { interval_s = 2, "timeout_s" = 3, deep = { a.b = [1, [2]] } }
  "esc\\u0061ped" = '''a
b'''
when = 1979-05-27 07:32:00
vars.A = 1

[[processes]]
name = "one"
[[processes]]
name = "two" 
[processes.inner]
x = 1
[[processes.list]]
y = 1
[[processes.list]]
y = 2
`;

describe('scanToml', () => {
  it('finds every header, key and element with its line', () => {
    expect(
      scanToml(sample).map((entry) => `${entry.line} ${entry.kind} ${formatTomlPath(entry.path)}`),
    ).toEqual([
      '2 pair name',
      '3 pair start',
      '4 element start[0]',
      '5 element start[1]',
      '5 element start[2]',
      '9 table envs.production',
      '10 pair envs.production.route',
      '11 pair envs.production.health',
      '11 pair envs.production.health.interval_s',
      '11 pair envs.production.health.timeout_s',
      '11 pair envs.production.health.deep',
      '11 pair envs.production.health.deep.a.b',
      '11 element envs.production.health.deep.a.b[0]',
      '11 element envs.production.health.deep.a.b[1]',
      '11 element envs.production.health.deep.a.b[1][0]',
      '12 pair envs.production.escaped',
      '14 pair envs.production.when',
      '15 pair envs.production.vars.A',
      '17 arrayTable processes[0]',
      '18 pair processes[0].name',
      '19 arrayTable processes[1]',
      '20 pair processes[1].name',
      '21 table processes[1].inner',
      '22 pair processes[1].inner.x',
      '23 arrayTable processes[1].list[0]',
      '24 pair processes[1].list[0].y',
      '25 arrayTable processes[1].list[1]',
      '26 pair processes[1].list[1].y',
    ]);
  });

  it('gives the exact text of every value', () => {
    const values = scanToml(sample)
      .filter((entry) => entry.kind === 'pair')
      .map((entry) => sample.slice(entry.valueStart, entry.end));
    expect(values.slice(0, 2)).toEqual([
      '"shop"',
      sample.slice(sample.indexOf('[\n'), sample.indexOf(']\n\n') + 1),
    ]);
    expect(values).toContain('1979-05-27 07:32:00');
    expect(values).toContain("'''a\nb'''");
    expect(values).toContain('{ interval_s = 2, "timeout_s" = 3, deep = { a.b = [1, [2]] } }');
  });

  it.each([
    `a = """x""""`,
    `a = """x"""""`,
    `a = '''x''''`,
    `a = """\\""""`,
    `a = ""`,
    `a = ''`,
    `a = """"""`,
  ])('finds the end of %s', (text) => {
    const [entry] = scanToml(`${text}\nb = 1`);
    expect(entry?.end).toBe(text.length);
    expect(() => parse(text)).not.toThrow();
  });

  it('agrees with the parser on whatever the writer writes', () => {
    const key = fc
      .oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/), fc.string({ minLength: 1 }))
      .filter((text) => text !== '__proto__' && text.isWellFormed());
    const leaf = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Number.isInteger(x)),
    );
    const { table } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(leaf),
        fc.array(tie('table'), { maxLength: 3 }),
        tie('table'),
      ),
      table: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(table, (value) => {
        const text = stringify(value);
        const parsed: unknown = parse(text);
        const { lineOf } = createTomlLocator(text);
        for (const entry of scanToml(text)) {
          expect(lineOf(entry.path)).toBeLessThanOrEqual(entry.line);
          if (entry.kind !== 'pair' && entry.kind !== 'element') continue;
          const at = parse(`value = ${text.slice(entry.valueStart, entry.end)}`)['value'];
          expect(at).toEqual(valueAt(parsed, entry.path));
        }
        const scanned = new Set(
          scanToml(text)
            .filter((entry) => entry.kind === 'pair')
            .map((entry) => JSON.stringify(entry.path)),
        );
        for (const path of leafPaths(parsed, [])) expect(scanned).toContain(JSON.stringify(path));
      }),
    );
  });

  it('ends, and throws nothing, on any text', () => {
    const pieces = fc.constantFrom(
      '[',
      ']',
      '[[',
      ']]',
      '{',
      '}',
      '"',
      "'",
      '"""',
      "'''",
      '=',
      '.',
      ',',
      '\n',
      '#',
      '\\',
      ' ',
      'a',
      '1',
      '\ufeff',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        for (const entry of scanToml(text)) {
          expect(entry.end).toBeGreaterThanOrEqual(entry.valueStart);
          expect(entry.end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes a string of a megabyte, ended or not', () => {
    const long = 'x'.repeat(1024 * 1024);
    expect(scanToml(`a = "${long}"\nb = '''${long}'''`).map((entry) => entry.line)).toEqual([1, 2]);
    expect(scanToml(`a = """${long}`)).toHaveLength(1);
  });

  it('ends on a text nested deeper than anything valid', () => {
    expect(scanToml(`a = ${'['.repeat(100_000)}`).length).toBeLessThan(1100);
  });
});

describe('createTomlLocator', () => {
  const { lineOf, textOf } = createTomlLocator(sample);
  it.each<[TomlPath, number]>([
    [['name'], 2],
    [['start', 2], 5],
    [['start', 9], 3],
    [['envs'], 9],
    [['envs', 'production', 'missing'], 9],
    [['envs', 'production', 'vars', 'A'], 15],
    [['envs', 'production', 'vars'], 15],
    [['processes', 1, 'run'], 19],
    [['nothing'], 1],
    [[], 1],
  ])('finds %j at line %i', (path, line) => expect(lineOf(path)).toBe(line));

  it('gives values as they are written', () => {
    expect(textOf(['envs', 'production', 'vars', 'A'])).toBe('1');
    expect(textOf(['envs', 'production'])).toBeNull();
  });
});

function valueAt(value: unknown, path: TomlPath): unknown {
  return path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );
}

function leafPaths(value: unknown, path: TomlPath): TomlPath[] {
  if (typeof value !== 'object' || value === null) return [path];
  if (Array.isArray(value)) {
    const isTables =
      value.length > 0 && value.every((inner) => typeof inner === 'object' && !Array.isArray(inner));
    return isTables ? value.flatMap((inner, index) => leafPaths(inner, [...path, index])) : [path];
  }
  return Object.entries(value).flatMap(([key, inner]) => leafPaths(inner, [...path, key]));
}
