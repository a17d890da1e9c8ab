import * as fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parseProject, requireDeployable, resolveEnvironment } from './project.ts';
import type { ResolvedEnvironment } from './project.types.ts';
import { isTakoError } from './tako-error.ts';

const place = { file: 'tako.toml', directoryName: 'My Shop' };
const production = '[envs.production]\nroute = "shop.example"\n';

function parse(text: string): ReturnType<typeof parseProject> {
  return parseProject(text, place);
}

function resolve(text: string, env = 'production'): ResolvedEnvironment {
  return resolveEnvironment(parse(text), env);
}

/** The lines of the error below its title; none when the text is right. */
function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (!isTakoError(error) || error.code !== 'CONFIG_INVALID') throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('a project without words', () => {
  it('has the name of its directory and the defaults of the specification', () => {
    expect(resolve(production)).toEqual({
      app: 'my-shop',
      env: 'production',
      deploymentId: 'my-shop',
      runtime: null,
      runtimeVersion: null,
      packageManager: null,
      preset: null,
      main: null,
      start: null,
      readiness: null,
      healthPath: null,
      assets: [],
      releaseCommand: null,
      instances: 1,
      build: { run: null, install: null, cwd: null, include: [], exclude: [] },
      buildStages: [],
      vars: {},
      health: { interval_s: 1, timeout_s: 2, unhealthy_after: 1, dead_after: 5 },
      rollout: {
        ready_timeout_s: 30,
        health_timeout_s: 30,
        stable_s: 2,
        drain_timeout_s: 30,
        stop_grace_s: 10,
      },
      limits: { body_bytes: 134_217_728, memory: null, cpu: null, pids: null, requests_per_ip: 2048 },
      cache: { enabled: true },
      upstreamProtocol: 'http1',
      affinity: 'off',
      streamIdleS: 0,
      secretsExpose: 'fd3',
      idleTimeoutS: 300,
      httpsRedirect: true,
      hsts: false,
      streams: [],
      processes: [],
      routes: [
        { text: 'shop.example', host: { kind: 'exact', name: 'shop.example' }, path: { kind: 'any' } },
      ],
      servers: [],
    });
  });

  it('may be empty: development is always there, on its own domain', () => {
    const project = parse('');
    expect(project.environments).toEqual([]);
    expect(resolveEnvironment(project, 'development').routes.map((route) => route.text)).toEqual([
      'my-shop.tako.local',
    ]);
  });

  it('is frozen all the way down', () => {
    const project = parse(production);
    const environment = resolveEnvironment(project, 'production');
    for (const value of [
      project,
      project.resolved,
      environment,
      environment.routes,
      environment.routes[0],
      environment.limits,
      environment.build,
    ]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });
});

const whole = `
#:schema ./tako.schema.json
name = "shop"
runtime = "node@26.1"
package_manager = "pnpm"
preset = "hono"
main = "./src//index.ts"
start = ["node", "src/index.ts"]
readiness = "http"
health_path = "/up"
assets = ["public/", "dist/client"]
release_command = "node migrate.js"
instances = 2
upstream_protocol = "h2c"
affinity = "cookie"
stream_idle_s = 60

[build]
run = "make"
install = ""
cwd = "web"
include = ["src/**", "!src/**/*.test.ts"]
exclude = ["docs"]

[vars]
LOG_LEVEL = "info"
WORKERS = 4
RATIO = 0.50
API_VERSION = 1.0
DEBUG = false
SINCE = 2026-01-02
[vars.staging]
LOG_LEVEL = "debug"

[health]
interval_s = 2
[rollout]
stable_s = 0.5
[limits]
body_bytes = "1GiB"
memory = "512M"
cpu = 0.5
[cache]
enabled = false
[secrets]
expose = "env"

[[streams]]
name = "smtp-in"
protocol = "tcp"
listen = 2525
[[streams]]
name = "dns"
protocol = "udp"
listen = "[::1]:5353"

[[processes]]
name = "mailer"
run = "node mailer.js"
instances = 2
[[processes]]
name = "nightly"
run = "node nightly.js"
schedule = "0 3 * * *"

[envs.production]
routes = ["Shop.Example", "*.shop.example", "shop.example/api/*"]
servers = ["fra-1", "fra-2"]
hsts = true

[envs.staging]
route = "staging.shop.example"
idle_timeout_s = 60
instances = 0
https_redirect = false
release_command = "node migrate.js --dry"
start = ["node", "other.ts"]
[envs.staging.vars]
WORKERS = 1
[envs.staging.health]
timeout_s = 4
[envs.staging.limits]
memory = "256MiB"
[[envs.staging.build_stages]]
name = "shared"
cwd = "../shared"
run = "make shared"
exclude = ["tmp/**"]
[[envs.staging.build_stages]]
run = "make web"
install = "npm ci"
`;

describe('a project with every key', () => {
  it('resolves its production', () => {
    expect(resolve(whole)).toMatchObject({
      app: 'shop',
      deploymentId: 'shop',
      runtime: 'node',
      runtimeVersion: '26.1',
      packageManager: 'pnpm',
      preset: 'hono',
      main: 'src/index.ts',
      start: ['node', 'src/index.ts'],
      readiness: 'http',
      healthPath: '/up',
      assets: ['public', 'dist/client'],
      releaseCommand: 'node migrate.js',
      instances: 2,
      build: {
        run: 'make',
        install: '',
        cwd: 'web',
        include: ['src/**', '!src/**/*.test.ts'],
        exclude: ['docs'],
      },
      buildStages: [],
      vars: {
        LOG_LEVEL: 'info',
        WORKERS: '4',
        RATIO: '0.50',
        API_VERSION: '1.0',
        DEBUG: 'false',
        SINCE: '2026-01-02',
      },
      health: { interval_s: 2, timeout_s: 2, unhealthy_after: 1, dead_after: 5 },
      rollout: {
        ready_timeout_s: 30,
        health_timeout_s: 30,
        stable_s: 0.5,
        drain_timeout_s: 30,
        stop_grace_s: 10,
      },
      limits: { body_bytes: 1_073_741_824, memory: 536_870_912, cpu: 0.5, pids: null, requests_per_ip: 2048 },
      cache: { enabled: false },
      upstreamProtocol: 'h2c',
      affinity: 'cookie',
      streamIdleS: 60,
      secretsExpose: 'env',
      streams: [
        { name: 'smtp-in', protocol: 'tcp', host: null, port: 2525, portVariable: 'PORT_SMTP_IN' },
        { name: 'dns', protocol: 'udp', host: '::1', port: 5353, portVariable: 'PORT_DNS' },
      ],
      processes: [
        { name: 'mailer', run: 'node mailer.js', instances: 2, schedule: null },
        { name: 'nightly', run: 'node nightly.js', instances: 1, schedule: '0 3 * * *' },
      ],
      servers: ['fra-1', 'fra-2'],
      hsts: true,
      httpsRedirect: true,
      idleTimeoutS: 300,
    });
    expect(resolve(whole).routes.map((route) => route.text)).toEqual([
      'shop.example',
      '*.shop.example',
      'shop.example/api/*',
    ]);
  });

  it('lets an environment override: tables key by key, lists and values whole', () => {
    expect(resolve(whole, 'staging')).toMatchObject({
      deploymentId: 'shop@staging',
      instances: 0,
      idleTimeoutS: 60,
      httpsRedirect: false,
      hsts: false,
      releaseCommand: 'node migrate.js --dry',
      start: ['node', 'other.ts'],
      vars: { LOG_LEVEL: 'debug', WORKERS: '1', DEBUG: 'false' },
      health: { interval_s: 2, timeout_s: 4 },
      limits: { memory: 268_435_456, body_bytes: 1_073_741_824, cpu: 0.5 },
      build: { run: null, install: '', cwd: 'web' },
      buildStages: [
        { name: 'shared', cwd: '../shared', install: null, run: 'make shared', exclude: ['tmp/**'] },
        { name: null, cwd: null, install: 'npm ci', run: 'make web', exclude: [] },
      ],
      servers: [],
    });
  });

  it('keeps one environment\u2019s words out of another', () => {
    expect(resolve(whole, 'development')).toMatchObject({
      instances: 2,
      vars: { LOG_LEVEL: 'info', WORKERS: '4' },
      buildStages: [],
    });
  });

  it('lets build.run of an environment replace the project\u2019s stages', () => {
    const text = `[[build_stages]]\nrun = "a"\n${production}build.run = "b"\n`;
    expect(resolve(text)).toMatchObject({ build: { run: 'b' }, buildStages: [] });
  });

  it('takes what the preset says, unless it is written', () => {
    expect(resolve(`preset = "sveltekit"\n${production}`)).toMatchObject({
      main: 'build/index.js',
      assets: ['build/client'],
      readiness: 'http',
    });
    expect(resolve(`preset = "nextjs"\n[vars]\nA = 1\n${production}`)).toMatchObject({
      main: null,
      vars: { HOSTNAME: '127.0.0.1', A: '1' },
    });
    const written = `preset = "sveltekit"\nassets = []\nmain = "x.js"\nreadiness = "sdk"\n${production}`;
    expect(resolve(written)).toMatchObject({ main: 'x.js', assets: [], readiness: 'sdk' });
    expect(resolve(`preset = "nextjs"\n[vars]\nHOSTNAME = "::1"\n${production}`).vars).toEqual({
      HOSTNAME: '::1',
    });
    expect(resolve(`preset = "hono"\n${production}`)).toMatchObject({ main: null, readiness: null });
  });
});

describe('environments', () => {
  it('that are not there are told with the nearest and the known ones', () => {
    expect(() => resolve(whole, 'stagign')).toThrow(
      expect.objectContaining({
        code: 'ENVIRONMENT_UNKNOWN',
        message: 'tako.toml has no environment "stagign"',
        hint: 'Did you mean "staging"? It has: production, staging. Add it as [envs.stagign] with a route.',
      }),
    );
    expect(() => resolve('', 'production')).toThrow(
      expect.objectContaining({ hint: 'It has: none. Add it as [envs.production] with a route.' }),
    );
    expect(() => resolve(whole, 'constructor')).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_UNKNOWN' }),
    );
  });

  it('are deployable, all but development', () => {
    expect(() => requireDeployable(resolve(whole))).not.toThrow();
    expect(() => requireDeployable(resolve(whole, 'development'))).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_NOT_DEPLOYABLE' }),
    );
  });

  it.each(['shop.tako.local', 'api.shop.tako.local', '*.shop.tako.local', 'shop.tako.local/api/*'])(
    'may have %s in development',
    (route) => {
      expect(
        resolve(`name = "shop"\n[envs.development]\nroute = "${route}"`, 'development').routes[0]?.text,
      ).toBe(route);
    },
  );
});

const routeForms = 'a route like "example.com", "*.example.com" or "example.com/api/*"';

describe('a wrong tako.toml', () => {
  it.each<[string, string, readonly string[]]>([
    [
      'a syntax error',
      'name = "a"\nmain = \n',
      ['tako.toml:2: found a syntax error (invalid value); allowed: valid TOML (https://toml.io)'],
    ],
    [
      'a key twice',
      'name = "a"\nname = "b"',
      [
        'tako.toml:2: found a syntax error (trying to redefine an already defined table or value); allowed: valid TOML (https://toml.io)',
      ],
    ],
    [
      'a mistyped key',
      'instnaces = 2',
      ['tako.toml:1: instnaces: found an unknown key; allowed: "instances" (did you mean that?)'],
    ],
    [
      'a mistyped key in an environment',
      `${production}ruotes = []`,
      ['tako.toml:3: envs.production.ruotes: found an unknown key; allowed: "routes" (did you mean that?)'],
    ],
    [
      'a mistyped key in a list',
      '[[processes]]\nname = "a"\nrun = "b"\nshedule = "@daily"',
      ['tako.toml:4: processes[0].shedule: found an unknown key; allowed: "schedule" (did you mean that?)'],
    ],
    [
      'a strange key',
      'dockerfile = "x"',
      [
        'tako.toml:1: dockerfile: found an unknown key; allowed: the known keys, of which "runtime" is the nearest',
      ],
    ],
    [
      'a key of the project below a header',
      '[build]\nrun = "make"\nmain = "x.js"',
      ['tako.toml:3: build.main: found an unknown key; allowed: "main" at the top, above the first [table]'],
    ],
    [
      'a key of an environment at the top',
      'servers = ["a"]',
      [
        'tako.toml:1: servers: found an unknown key; allowed: "servers" in an environment, as in [envs.production]',
      ],
    ],
    [
      'an identity in an environment',
      `${production}name = "other"`,
      [
        'tako.toml:3: envs.production.name: found an unknown key; allowed: "name" at the top, above the first [table]',
      ],
    ],
    [
      'a wrong name',
      'name = "My Shop"',
      [
        'tako.toml:1: name: found "My Shop"; allowed: 1-63 of a-z, 0-9 and "-", starting with a letter and not ending with "-"',
      ],
    ],
    [
      'a wrong type',
      'instances = "2"',
      ['tako.toml:1: instances: found "2"; allowed: an integer from 0 to 256'],
    ],
    [
      'a number beyond its range',
      'instances = 257',
      ['tako.toml:1: instances: found 257; allowed: an integer from 0 to 256'],
    ],
    ['a value instead of a table', 'build = "make"', ['tako.toml:1: build: found "make"; allowed: a table']],
    [
      'a table instead of a list',
      '[processes]\nname = "a"',
      ['tako.toml:1: processes: found a table; allowed: a list of at most 32 processes'],
    ],
    ['a wrong word', 'affinity = "ip"', ['tako.toml:1: affinity: found "ip"; allowed: "off" or "cookie"']],
    [
      'an unknown runtime',
      'runtime = "ruby"',
      [
        'tako.toml:1: runtime: found "ruby"; allowed: "node", "bun", "deno", "go" or "process", with a version as in "node@26.1" if you like',
      ],
    ],
    [
      'a version that leaves its directory',
      'runtime = "node@../../x"',
      [
        'tako.toml:1: runtime: found "node@../../x"; allowed: "node", "bun", "deno", "go" or "process", with a version as in "node@26.1" if you like',
      ],
    ],
    [
      'a version of a process',
      'runtime = "process@1"\nstart = ["./a"]',
      [
        'tako.toml:1: runtime: found "process@1"; allowed: "node", "bun", "deno", "go" or "process", with a version as in "node@26.1" if you like',
      ],
    ],
    [
      'a process without its program',
      'runtime = "process"',
      [
        'tako.toml:1: runtime: found the runtime "process" without "start"; allowed: start = ["./program", "argument"] beside it',
      ],
    ],
    [
      'a main outside',
      'main = "../x.js"',
      ['tako.toml:1: main: found "../x.js"; allowed: the relative path of a file, without ".."'],
    ],
    [
      'an absolute main',
      'main = "/x.js"',
      ['tako.toml:1: main: found "/x.js"; allowed: the relative path of a file, without ".."'],
    ],
    [
      'assets outside',
      'assets = ["public", "../x"]',
      ['tako.toml:1: assets[1]: found "../x"; allowed: a relative path without ".."'],
    ],
    [
      'a pattern outside',
      '[build]\nexclude = ["a/../../b"]',
      ['tako.toml:2: build.exclude[0]: found "a/../../b"; allowed: a relative pattern without ".."'],
    ],
    [
      'an empty start',
      'start = []',
      ['tako.toml:1: start: found an empty list; allowed: a list of 1 to 256 words'],
    ],
    [
      'a start without a program',
      'start = ["", "x"]',
      ['tako.toml:1: start: found a list of 2; allowed: a program as its first word'],
    ],
    [
      'a health path without a slash',
      'health_path = "up"',
      [
        'tako.toml:1: health_path: found "up"; allowed: a path like "/health": starting with "/", without spaces and "#"',
      ],
    ],
    [
      'a size that is none',
      '[limits]\nmemory = "much"',
      [
        'tako.toml:2: limits.memory: found "much"; allowed: a size in bytes, or a text like "128MiB", "512M" or "1GB", at least 1MiB',
      ],
    ],
    [
      'a memory limit in the wrong unit',
      '[limits]\nmemory = 512',
      [
        'tako.toml:2: limits.memory: found 512; allowed: a size in bytes, or a text like "128MiB", "512M" or "1GB", at least 1MiB',
      ],
    ],
    [
      'stages beside a run',
      '[build]\nrun = "a"\n[[build_stages]]\nrun = "b"',
      ['tako.toml:2: build.run: found "run" beside [[build_stages]]; allowed: one of them'],
    ],
    [
      'a stage without a run',
      '[[build_stages]]\nname = "a"',
      ['tako.toml:1: build_stages[0].run: found nothing; allowed: a command line of 1 to 8192 characters'],
    ],
    [
      'a health that dies before it sickens',
      '[health]\nunhealthy_after = 6',
      ['tako.toml:1: health.dead_after: found 5; allowed: at least unhealthy_after (6)'],
    ],
    [
      'twins among processes',
      '[[processes]]\nname = "a"\nrun = "b"\n[[processes]]\nname = "a"\nrun = "c"',
      ['tako.toml:5: processes[1].name: found "a" a second time; allowed: each name once'],
    ],
    [
      'a schedule that is none',
      '[[processes]]\nname = "a"\nrun = "b"\nschedule = "daily"',
      [
        'tako.toml:4: processes[0].schedule: found "daily"; allowed: a cron line of five fields like "*/5 * * * *", or @hourly, @daily, @weekly, @monthly, @yearly',
      ],
    ],
    [
      'two streams on a port',
      '[[streams]]\nname = "a"\nprotocol = "tcp"\nlisten = 5432\n[[streams]]\nname = "b"\nprotocol = "tcp"\nlisten = "127.0.0.1:5432"',
      ['tako.toml:8: streams[1].listen: found the port of the stream "a"; allowed: each port once'],
    ],
    [
      'a stream on no port',
      '[[streams]]\nname = "a"\nprotocol = "tcp"\nlisten = "localhost:1"',
      [
        'tako.toml:4: streams[0].listen: found "localhost:1"; allowed: a port, or an address and a port like "127.0.0.1:5432"',
      ],
    ],
    [
      'a reserved variable',
      '[vars]\nPORT = 80\nTAKO_X = 1',
      [
        'tako.toml:2: vars.PORT: found the name "PORT"; allowed: a variable\'s name: 1-128 of A-Z, a-z, 0-9 and "_", not starting with a digit; not PORT, HOST or TAKO_*, which Tako sets itself',
        'tako.toml:3: vars.TAKO_X: found the name "TAKO_X"; allowed: a variable\'s name: 1-128 of A-Z, a-z, 0-9 and "_", not starting with a digit; not PORT, HOST or TAKO_*, which Tako sets itself',
      ],
    ],
    [
      'a variable that is a list',
      '[vars]\nA = [1]',
      ['tako.toml:2: vars.A: found a list of 1; allowed: a text, a number, true or false'],
    ],
    [
      'variables of an environment that is not there',
      `${production}[vars.stagin]\nA = 1`,
      [
        'tako.toml:3: vars.stagin: found a table; allowed: a text, a number, true or false; or a table named like an environment: development, production',
      ],
    ],
    [
      'a variable set twice for one environment',
      `[vars.production]\nA = 1\n${production}vars.A = 2`,
      [
        'tako.toml:5: envs.production.vars.A: found a variable that [vars.production] sets too; allowed: one of the two',
      ],
    ],
    [
      'an environment without a route',
      '[envs.production]',
      ['tako.toml:1: envs.production: found no route; allowed: at least one, as in route = "example.com"'],
    ],
    [
      'an environment with an empty list of routes',
      '[envs.production]\nroutes = []',
      [
        'tako.toml:2: envs.production.routes: found no route; allowed: at least one, as in route = "example.com"',
      ],
    ],
    [
      'an empty route',
      '[envs.production]\nroute = ""',
      [`tako.toml:2: envs.production.route: found ""; allowed: ${routeForms}; it is empty`],
    ],
    [
      'route and routes',
      `${production}routes = ["b.example"]`,
      ['tako.toml:3: envs.production.routes: found both "route" and "routes"; allowed: one of them'],
    ],
    [
      'a route without a dot',
      '[envs.production]\nroutes = [\n  "a.example",\n  "localhost",\n]',
      [
        `tako.toml:4: envs.production.routes[1]: found "localhost"; allowed: ${routeForms}; the host name needs a dot, as in "example.com"`,
      ],
    ],
    [
      'a route twice',
      '[envs.production]\nroutes = ["a.example", "A.example/"]',
      ['tako.toml:2: envs.production.routes[1]: found "a.example" a second time; allowed: each route once'],
    ],
    [
      'a strange route of development',
      'name = "shop"\n[envs.development]\nroute = "shop.tako.test"',
      [
        'tako.toml:3: envs.development.route: found "shop.tako.test"; allowed: routes of development are "shop.tako.local" or below it, as in "api.shop.tako.local"',
      ],
    ],
    [
      'servers for development',
      '[envs.development]\nservers = ["a"]',
      [
        'tako.toml:2: envs.development.servers: found servers for development; allowed: none: it is reserved for tako dev and cannot be deployed',
      ],
    ],
    [
      'a server twice',
      `${production}servers = ["a", "a"]`,
      ['tako.toml:3: envs.production.servers[1]: found "a" a second time; allowed: each server once'],
    ],
    [
      'a wrong environment name',
      '[envs.Prod]\nroute = "a.example"',
      [
        'tako.toml:1: envs.Prod: found the environment name "Prod"; allowed: 1-32 of a-z, 0-9 and "-", starting with a letter',
      ],
    ],
    [
      'a name that no object can hold',
      '[vars]\n__proto__ = 1',
      ['tako.toml:2: vars.__proto__: found the key "__proto__"; allowed: any other name'],
    ],
    [
      'an idle time of nothing',
      `${production}idle_timeout_s = 0`,
      ['tako.toml:3: envs.production.idle_timeout_s: found 0; allowed: a number from 0.1 to 604800'],
    ],
  ])('with %s says so', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  it('tells all of its problems at once, in the order of its lines', () => {
    const text = `name = "A"
instances = -1
wrong = 1
[envs.production]
routes = ["localhost"]
[envs.staging]
frobnicate = true
[[processes]]
name = "a"
`;
    expect(problemsOf(text).map((line) => line.slice(0, line.indexOf(': found')))).toEqual([
      'tako.toml:1: name',
      'tako.toml:2: instances',
      'tako.toml:3: wrong',
      'tako.toml:5: envs.production.routes[0]',
      'tako.toml:6: envs.staging',
      'tako.toml:7: envs.staging.frobnicate',
      'tako.toml:8: processes[0].run',
    ]);
  });

  it('does not call a route missing that is only wrong', () => {
    expect(problemsOf('[envs.production]\nroute = 1')).toEqual([
      `tako.toml:2: envs.production.route: found 1; allowed: ${routeForms}`,
    ]);
    expect(problemsOf('[envs.production]\nroutes = [1]')).toHaveLength(1);
  });

  it('goes on with the rest of an environment whose list has two wrong elements', () => {
    const text = '[envs.production]\nroutes = ["a.example"]\nservers = ["A", "B"]\nvars.PORT = 1';
    expect(problemsOf(text).map((line) => line.slice(0, line.indexOf(': found')))).toEqual([
      'tako.toml:3: envs.production.servers[0]',
      'tako.toml:3: envs.production.servers[1]',
      'tako.toml:4: envs.production.vars.PORT',
    ]);
  });

  it('says what is wrong for the whole project once, not once for each environment', () => {
    expect(problemsOf(`runtime = "process"\n${production}[envs.staging]\nroute = "b.example"`)).toHaveLength(
      1,
    );
  });

  it('carries its problems as facts', () => {
    expect(() => parse('instances = -1')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message:
          'tako.toml has a problem:\n  tako.toml:1: instances: found -1; allowed: an integer from 0 to 256',
        hint: 'Correct tako.toml, then run the command again.',
        details: {
          problems: [
            expect.objectContaining({
              file: 'tako.toml',
              line: 1,
              key: 'instances',
              found: '-1',
              allowed: 'an integer from 0 to 256',
            }),
          ],
        },
      }),
    );
  });

  it('lists a hundred problems and counts the rest', () => {
    const keys = (count: number): string =>
      Array.from({ length: count }, (_, index) => `unknown_${index} = 1`).join('\n');
    expect(problemsOf(keys(100))).toHaveLength(100);
    expect(problemsOf(keys(101)).at(-1)).toBe('and 1 more');
  });

  it('has at most a hundred environments', () => {
    const envs = (count: number): string =>
      Array.from({ length: count }, (_, index) => `[envs.e${index}]\nroute = "e${index}.example"`).join('\n');
    expect(problemsOf(envs(100))).toEqual([]);
    expect(problemsOf(envs(101))).toEqual([
      'tako.toml:1: envs: found 101 environments; allowed: at most 100',
    ]);
  });

  it('is read up to a mebibyte, and not one byte more', () => {
    const filler = '#'.repeat(1024 * 1024 - production.length);
    expect(problemsOf(`${production}${filler}`)).toEqual([]);
    expect(problemsOf(`${production}${filler}#`)).toEqual([
      'tako.toml:1: found 1048577 bytes; allowed: at most 1048576',
    ]);
  });

  it('needs a name when the directory has none', () => {
    expect(() => parseProject('', { file: 'tako.toml', directoryName: '123' })).toThrow(
      /name: found nothing, and no name in the directory's \("123"\)/,
    );
  });
});

describe('any text', () => {
  const onlyConfigInvalid = (text: string): void => {
    try {
      parse(text);
    } catch (error) {
      if (!isTakoError(error) || error.code !== 'CONFIG_INVALID') throw error;
    }
  };

  it('gives a project or a CONFIG_INVALID: random text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), onlyConfigInvalid), { numRuns: 500 });
  });

  it('gives a project or a CONFIG_INVALID: a good file with pieces cut, doubled and swapped', () => {
    const cut = fc.tuple(
      fc.nat(whole.length),
      fc.nat(60),
      fc.constantFrom('', '"', '[', ']', '=', '\n', '{', '.', '\\', '[[x]]', '__proto__', '\0'),
    );
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 4 }), (cuts) => {
        onlyConfigInvalid(
          cuts.reduce(
            (text, [at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length),
            whole,
          ),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('gives a project or a CONFIG_INVALID: valid TOML with our keys and any value', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.string(),
        fc.constantFrom('', 'a.b', '/', '../x', 'node', '*'),
        fc.array(tie('any')),
        tie('table'),
      ),
      table: fc.dictionary(
        fc.constantFrom(
          'name',
          'run',
          'vars',
          'envs',
          'production',
          'development',
          'route',
          'routes',
          'servers',
          'build',
          'build_stages',
          'processes',
          'streams',
          'listen',
          'protocol',
          'limits',
          'memory',
          'health',
          'dead_after',
          'start',
          'runtime',
          'preset',
          'x',
          '',
          'toString',
          'constructor',
          'length',
        ),
        tie('any'),
        { maxKeys: 6 },
      ),
    })).table;
    const text = value.chain((table) => {
      try {
        return fc.constant(stringify(table));
      } catch {
        // The writer cannot write every list of mixed tables; another value will do.
        return fc.constant('');
      }
    });
    fc.assert(fc.property(text, onlyConfigInvalid), { numRuns: 1000 });
  });
});
