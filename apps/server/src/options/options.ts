// Reads the options: flag > environment > server.toml > default (spec 40). Pure: text in, frozen values out.
import { parseArgs } from 'node:util';
import { TakoError } from '@tako/config';
import { parse as parseToml } from 'smol-toml';
import type { Environment } from '../process-environment.ts';
import { optionTable } from './option-table.ts';
import type { ServerOptions } from './option-table.ts';
import { durationUnits } from './option-values.ts';

export interface CommandLine {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly check: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** Throws OPTION_INVALID for an unknown flag or a missing value. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const known = Object.fromEntries(
    optionTable.map((row) => [
      row.flag,
      'boolean' in row
        ? { type: 'boolean' as const }
        : { type: 'string' as const, multiple: 'multiple' in row },
    ]),
  );
  const extra = {
    check: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...known, ...extra },
      strict: true,
      allowPositionals: false,
    });
    const flags = values as Record<string, string | boolean | readonly string[] | undefined>;
    return {
      values: flags,
      check: flags['check'] === true,
      help: flags['help'] === true,
      version: flags['version'] === true,
    };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new TakoError('OPTION_INVALID', message, { hint: 'tako-server --help lists the options', cause });
  }
}

type TomlValues = Readonly<Record<string, unknown>>;

/** Throws OPTION_INVALID naming the file for TOML errors and unknown keys. */
export function parseServerToml(text: string, file: string): TomlValues {
  let values: TomlValues;
  try {
    values = parseToml(text);
  } catch (cause) {
    throw new TakoError(
      'OPTION_INVALID',
      `${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const known = new Set(optionTable.map((row) => row.flag.replaceAll('-', '_')));
  const unknown = Object.keys(values).filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new TakoError('OPTION_INVALID', `${file}: unknown key ${unknown.join(', ')}`, {
      hint: `known keys: ${[...known].join(', ')}`,
      details: { file, unknown },
    });
  }
  return values;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** The texts that decide an option and where they came from, or undefined for the default. */
function decide(
  row: (typeof optionTable)[number],
  line: CommandLine,
  environment: Environment,
  toml: TomlValues,
) {
  const flag = line.values[row.flag];
  if (flag !== undefined) return { texts: textsOf(flag), name: `--${row.flag}` };
  const variable = `TAKO_SERVER_${row.flag.replaceAll('-', '_').toUpperCase()}`;
  const text = environment[variable];
  if (text !== undefined)
    return { texts: 'multiple' in row ? text.split(/[ ,]+/).filter(Boolean) : [text], name: variable };
  const value = toml[row.flag.replaceAll('-', '_')];
  return value === undefined
    ? undefined
    : { texts: textsOf(value), name: `server.toml ${row.flag.replaceAll('-', '_')}` };
}

/** A wrong line of server.toml is an error even where a flag wins over it: else it would bite at the next reload. */
function checkToml(toml: TomlValues): void {
  for (const row of optionTable) {
    const key = row.flag.replaceAll('-', '_');
    if (toml[key] === undefined) continue;
    for (const text of textsOf(toml[key])) row.parse(text, `server.toml ${key}`);
  }
}

export function resolveOptions(line: CommandLine, environment: Environment, toml: TomlValues): ServerOptions {
  checkToml(toml);
  const entries = optionTable.map((row): [string, unknown] => {
    const decided = decide(row, line, environment, toml);
    if (decided === undefined) return [row.key, row.default];
    const values = decided.texts.map((text) => row.parse(text, decided.name));
    return [row.key, 'multiple' in row ? Object.freeze(values) : values.at(-1)];
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each row parses to the type of its key; the table's shape proves it
  const options = Object.freeze(Object.fromEntries(entries)) as unknown as ServerOptions;
  assertSomebodyMayConnect(options);
  return options;
}

/** A PROXY header is taken from trusted proxies alone: without any, no connection would ever be served. */
function assertSomebodyMayConnect({ proxyProtocol, trustedProxy }: ServerOptions): void {
  if (proxyProtocol === 'off' || trustedProxy.length > 0) return;
  throw new TakoError(
    'OPTION_INVALID',
    `--proxy-protocol is ${proxyProtocol}, but no --trusted-proxy may send its header`,
    { hint: 'name the load balancer: --trusted-proxy 10.0.0.0/8' },
  );
}

/** As it would be written on the command line. */
function shownDefault({ value, default: given }: (typeof optionTable)[number]): string {
  if (Array.isArray(given)) return given.join(' ');
  if (given === null) return 'off';
  if (value !== 'DURATION' || typeof given !== 'number') return JSON.stringify(given).replaceAll('"', '');
  const [unit = 'ms', ms = 1] = [...durationUnits].findLast(([, size]) => given % size === 0) ?? [];
  return `${given / ms}${unit}`;
}

export function helpText(): string {
  const rows = optionTable.map((row) => {
    const left = `  --${row.flag}${row.value === '' ? '' : ` ${row.value}`}`;
    const shown = shownDefault(row);
    return `${left.padEnd(34)}${row.help}${shown === '' ? '' : ` [${shown}]`}`;
  });
  return [
    'tako-server: runs, routes and keeps your apps',
    '',
    'usage: tako-server [options]',
    '',
    ...rows,
    `${'  --check'.padEnd(34)}validate the options and exit`,
    `${'  --version'.padEnd(34)}print the version`,
    '',
  ].join('\n');
}
