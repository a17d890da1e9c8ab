// How the text of an option is read: what it may be, and the error that says so. Knows no option by name.
import { isIP } from 'node:net';
import { TakoError } from '@tako/config';

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

function bad(name: string, found: string, allowed: string): TakoError {
  return new TakoError('OPTION_INVALID', `${name} is ${JSON.stringify(found)}, allowed: ${allowed}`, {
    hint: 'tako-server --help lists the options',
    details: { option: name, found, allowed },
  });
}

export function integer(min: number, max: number) {
  return (text: string, name: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw bad(name, text, `an integer from ${min} to ${max}`);
    return value;
  };
}

export function oneOf<T extends string>(...allowed: readonly T[]) {
  return (text: string, name: string): T => {
    const found = allowed.find((candidate) => candidate === text);
    if (found === undefined) throw bad(name, text, allowed.join(', '));
    return found;
  };
}

/** Smallest first. */
export const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `30s`, `500ms`, `2m`, `12h`. */
export function duration(text: string, name: string): number {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  const unit = durationUnits.get(match?.[2] ?? '');
  if (match === null || unit === undefined) throw bad(name, text, 'a duration such as 30s, 500ms or 2m');
  return Number(match[1]) * unit;
}

export function absolutePath(text: string, name: string): string {
  if (!text.startsWith('/') || text.includes('\0')) throw bad(name, text, 'an absolute path');
  return text.length > 1 ? text.replace(/\/+$/, '') : text;
}

export function address(text: string, name: string): string {
  if (!/^[0-9a-fA-F.:]+$/.test(text)) throw bad(name, text, 'an IPv4 or IPv6 address');
  return text;
}

export function unixPlace(text: string, name: string): string {
  const bytes = Buffer.byteLength(text);
  const isPlace = /^(?:\/|@)./.test(text) && !text.includes('\0') && bytes <= 107;
  if (!isPlace) throw bad(name, text, 'an absolute path or @name, of at most 107 bytes');
  return text;
}

export function trustedPeer(text: string, name: string): string {
  if (text === 'unix') return text;
  if (!/^[0-9a-fA-F.:]+(\/\d{1,3})?$/.test(text))
    throw bad(name, text, 'an address, a CIDR such as 10.0.0.0/8, or unix');
  return text;
}

export function workers(text: string, name: string): number | 'auto' {
  return text === 'auto' ? 'auto' : integer(0, 64)(text, name);
}

export function boolean(text: string, name: string): boolean {
  return oneOf('true', 'false')(text, name) === 'true';
}

export function anyText(text: string): string {
  return text;
}

export function metricsListen(text: string, name: string): MetricsAddress | null {
  if (text === 'off') return null;
  const [, bracketed, bare, port = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? bare ?? '';
  const family = bracketed === undefined ? 4 : 6;
  if (isIP(host) !== family) throw bad(name, text, 'off, or an address and port: 127.0.0.1:9898, [::1]:9898');
  return Object.freeze({ host, port: integer(0, 65_535)(port, name) });
}

export function accessLog(text: string, name: string): string {
  return text === 'off' || text === 'stdout' ? text : absolutePath(text, name);
}
