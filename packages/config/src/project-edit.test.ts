import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { setServers } from './project-edit.ts';
import { removeTomlKey, setTomlKey } from './toml-edit.ts';

const change = { env: 'production', servers: ['fra-1'] };

describe('setServers', () => {
  it.each([
    [
      'adds below the last key of the table',
      '# top\n[envs.production] # prod\nroute = "a.example" # mine\n\n# later\n[vars]\n',
      '# top\n[envs.production] # prod\nroute = "a.example" # mine\nservers = ["fra-1"]\n\n# later\n[vars]\n',
    ],
    [
      'replaces a list, however long',
      '[envs.production]\nservers = [ # which\n  "x", # one\n] # end\nroute = "a.example"\n',
      '[envs.production]\nservers = ["fra-1"] # end\nroute = "a.example"\n',
    ],
    ['adds to an empty table', '[envs.production]\n', '[envs.production]\nservers = ["fra-1"]\n'],
    [
      'adds at the end of a file without a last line end',
      '[envs.production]\nroute = "a.example"',
      '[envs.production]\nroute = "a.example"\nservers = ["fra-1"]\n',
    ],
    [
      'keeps the indent',
      '[envs.production]\n  route = "a.example"\n',
      '[envs.production]\n  route = "a.example"\n  servers = ["fra-1"]\n',
    ],
    [
      'keeps the line ends',
      '[envs.production]\r\nroute = "a.example"\r\n',
      '[envs.production]\r\nroute = "a.example"\r\nservers = ["fra-1"]\r\n',
    ],
    [
      'stays above the tables below',
      '[envs.production]\nroute = "a.example"\n[envs.production.health]\ninterval_s = 2\n',
      '[envs.production]\nroute = "a.example"\nservers = ["fra-1"]\n[envs.production.health]\ninterval_s = 2\n',
    ],
    [
      'makes the table where only one below it is written',
      '[envs.production.vars]\nA = 1\n',
      '[envs.production.vars]\nA = 1\n\n[envs.production]\nservers = ["fra-1"]\n',
    ],
    [
      'follows dotted keys',
      'envs.production.route = "a.example"\nname = "a"\n',
      'envs.production.route = "a.example"\nenvs.production.servers = ["fra-1"]\nname = "a"\n',
    ],
    [
      'follows dotted keys below a header',
      '[envs]\nproduction.route = "a.example"\n',
      '[envs]\nproduction.route = "a.example"\nproduction.servers = ["fra-1"]\n',
    ],
    [
      'adds to an inline table',
      '[envs]\nproduction = { route = "a.example" } # x\n',
      '[envs]\nproduction = { route = "a.example", servers = ["fra-1"] } # x\n',
    ],
    [
      'adds to an inline table with a list at its end',
      'envs = { production = { routes = ["a.example"] } }\n',
      'envs = { production = { routes = ["a.example"], servers = ["fra-1"] } }\n',
    ],
    [
      'adds an environment to an inline table',
      'envs = { staging = { route = "a.example" } }\n',
      'envs = { staging = { route = "a.example" }, production.servers = ["fra-1"] }\n',
    ],
    [
      'adds an environment that is not written',
      'name = "a"\n# end\n',
      'name = "a"\n# end\n\n[envs.production]\nservers = ["fra-1"]\n',
    ],
    ['begins an empty file', '', '[envs.production]\nservers = ["fra-1"]\n'],
  ])('%s', (_, before, after) => {
    expect(setServers(before, change)).toBe(after);
    expect(setServers(after, change)).toBe(after);
    const { envs: _envs, ...othersBefore } = parse(before);
    const { envs: _after, ...othersAfter } = parse(after);
    expect(othersAfter).toEqual(othersBefore);
  });

  it('writes several, quoted as TOML wants', () => {
    expect(setServers('', { env: 'a-b', servers: ['x', 'y'] })).toBe('[envs.a-b]\nservers = ["x", "y"]\n');
  });

  it('refuses what is no TOML or no environment', () => {
    expect(() => setServers('[', change)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => setServers('', { ...change, env: 'A' })).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
  });
});

describe('single keys', () => {
  it('are set with any value and taken out again', () => {
    const text = setTomlKey(
      'a = 1 # one\n',
      { table: ['t'], key: 'odd key' },
      'DEL \u007f, "quote", \n line',
    );
    expect(parse(text)).toEqual({ a: 1, t: { 'odd key': 'DEL \u007f, "quote", \n line' } });
    expect(removeTomlKey(text, { table: ['t'], key: 'odd key' })).toBe('a = 1 # one\n\n[t]\n');
    expect(removeTomlKey(text, { table: ['t'], key: 'other' })).toBe(text);
  });

  it.each([
    ['{ a = 1, b = 2 }', 'a', '{ b = 2 }'],
    ['{ a = 1, b = 2 }', 'b', '{ a = 1 }'],
    ['{ a = 1 }', 'a', '{  }'],
  ])('are taken out of %s: %s', (before, key, after) => {
    expect(removeTomlKey(`t = ${before} # c\n`, { table: ['t'], key })).toBe(`t = ${after} # c\n`);
  });
});
